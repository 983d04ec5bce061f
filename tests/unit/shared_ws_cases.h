// Conformance cases of the codec: what a peer sends and what must come out, and their runner. Every
// case runs as server and as client, in one piece, frame by frame, byte by byte and in chops of 997
// bytes.
#pragma once

#include "tests/unit/shared_ws_support.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mr::ws_test {

struct Case {
    std::string id;
    std::vector<Frame> frames;
    std::vector<Bytes> expected;
};

inline constexpr unsigned kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9,
                          kPong = 10;

inline const Bytes kHello = "Hello, world!";
inline const Bytes kNotText("\x00\xFF\xFE\xFD\xFC\xFB\x00\xFF", 8);
inline const Bytes kProtocolError = "error 1002", kInvalidPayload = "error 1007";

// Cuts a text message into frames of the given sizes; the last takes the rest.
inline std::vector<Frame> fragmented(const Bytes& text, const std::vector<size_t>& sizes) {
    std::vector<Frame> frames;
    size_t at = 0;
    for (const size_t size : sizes) {
        frames.push_back({.opcode = at == 0 && frames.empty() ? kText : kContinuation,
                          .payload = text.substr(at, size),
                          .fin = false});
        at += size;
    }
    frames.push_back(
        {.opcode = frames.empty() ? kText : kContinuation, .payload = text.substr(at)});
    return frames;
}

inline void run(const Case& c, Role role, size_t chop_bytes) {
    Bytes stream;
    Feeder feeder(role);
    for (const Frame& frame : c.frames) {
        const Bytes bytes =
            role == Role::server ? ws_test::masked(frame) : ws_test::unmasked(frame);
        stream += bytes;
        if (chop_bytes == 0) { // frame by frame
            feeder.feed(bytes);
        }
    }
    if (chop_bytes > 0) {
        feeder.feed_in_pieces_of(stream, chop_bytes);
    }
    EXPECT_EQ(feeder.records, c.expected)
        << c.id << (role == Role::server ? " as server" : " as client") << ", chop " << chop_bytes;
    EXPECT_EQ(feeder.problem, "") << c.id;
}

inline void run_all(const std::vector<Case>& cases, size_t expected_count) {
    EXPECT_EQ(cases.size(), expected_count);
    for (const Case& c : cases) {
        for (const Role role : {Role::server, Role::client}) {
            for (const size_t chop_bytes : {size_t{0}, size_t{1}, size_t{997}, size_t{1} << 30}) {
                run(c, role, chop_bytes);
            }
        }
    }
}

} // namespace mr::ws_test
