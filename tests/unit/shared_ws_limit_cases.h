// The table of the Autobahn suite's limits (class 9: 54 cases), under its numbers.
#pragma once

#include "tests/unit/shared_ws_cases.h"

#include <string>
#include <vector>

namespace mr::ws_test {

inline constexpr size_t kMiB = 1 << 20;
inline constexpr size_t kReadBytes = 64 * 1024; // what the module reads at once
inline constexpr FrameLimits kConformance{
    .max_frame_bytes = 16 * kMiB, .max_message_bytes = 16 * kMiB, .max_fragments = 65536};

struct LimitCase {
    std::string id;
    unsigned opcode = kText;
    size_t message_bytes = 0;
    size_t fragment_bytes = 0; // 0: one frame
    size_t chop_bytes = kReadBytes;
    size_t rounds = 1;
};

inline std::string number(unsigned group, size_t n) {
    return "9." + std::to_string(group) + "." + std::to_string(n);
}

inline std::vector<LimitCase> limit_cases() {
    std::vector<LimitCase> cases;
    for (const unsigned opcode : {kText, kBinary}) {
        const unsigned i = opcode - kText;
        size_t n = 0;
        for (const size_t size :
             {kMiB / 16, kMiB / 4, kMiB, size_t{4 * kMiB}, size_t{8 * kMiB}, size_t{16 * kMiB}}) {
            cases.push_back({.id = number(1 + i, ++n), .opcode = opcode, .message_bytes = size});
        }
        n = 0;
        for (size_t size = 64; size <= 4 * kMiB; size *= 4) {
            cases.push_back({.id = number(3 + i, ++n),
                             .opcode = opcode,
                             .message_bytes = 4 * kMiB,
                             .fragment_bytes = size});
        }
        n = 0;
        for (size_t chop = 64; chop <= 2048; chop *= 2) {
            cases.push_back({.id = number(5 + i, ++n),
                             .opcode = opcode,
                             .message_bytes = kMiB,
                             .chop_bytes = chop});
        }
        n = 0;
        for (const size_t size : {0, 16, 64, 256, 1024, 4096}) {
            cases.push_back({.id = number(7 + i, ++n),
                             .opcode = opcode,
                             .message_bytes = size,
                             .rounds = 1000});
        }
    }
    return cases;
}

inline Bytes stream_of(const LimitCase& c, const Bytes& payload, Role role) {
    const size_t step = c.fragment_bytes == 0 ? payload.size() + 1 : c.fragment_bytes;
    Bytes stream;
    size_t at = 0;
    do {
        const Frame frame{.opcode = at == 0 ? c.opcode : kContinuation,
                          .payload = payload.substr(at, step),
                          .fin = payload.size() - at <= step};
        stream += role == Role::server ? masked(frame) : unmasked(frame);
        at += step;
    } while (at < payload.size());
    return stream;
}

} // namespace mr::ws_test
