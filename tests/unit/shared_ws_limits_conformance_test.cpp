// The Autobahn suite's limits (class 9: 54 cases), stated for the codec alone: messages of up to
// 16 MiB, 4 MiB in up to 65,536 fragments, 1 MiB in small chops, and thousands of messages in a
// row, under the limits of the conformance profile. Every case runs as server and as client.
#include "shared/ws_frame.h"
#include "tests/unit/shared_ws_cases.h"

#include <gtest/gtest.h>

namespace mr {
namespace {

using namespace ws_test;

constexpr size_t kMiB = 1 << 20;
constexpr size_t kReadBytes = 64 * 1024; // what the module reads at once
constexpr FrameLimits kConformance{
    .max_frame_bytes = 16 * kMiB, .max_message_bytes = 16 * kMiB, .max_fragments = 65536};

struct LimitCase {
    std::string id;
    unsigned opcode = kText;
    size_t message_bytes = 0;
    size_t fragment_bytes = 0; // 0: one frame
    size_t chop_bytes = kReadBytes;
    size_t rounds = 1;
};

std::string number(unsigned group, size_t n) {
    return "9." + std::to_string(group) + "." + std::to_string(n);
}

std::vector<LimitCase> limit_cases() {
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

Bytes stream_of(const LimitCase& c, const Bytes& payload, Role role) {
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

void run(const LimitCase& c, Role role) {
    const Bytes payload(c.message_bytes, c.opcode == kText ? '*' : '\xFE');
    const Bytes expected = (c.opcode == kText ? "text:" : "binary:") + payload;
    const Bytes stream = stream_of(c, payload, role);
    Feeder feeder(role, kConformance);
    for (size_t round = 0; round < c.rounds; ++round) {
        feeder.feed_in_pieces_of(stream, c.chop_bytes);
        ASSERT_EQ(feeder.records.size(), 1U) << c.id;
        ASSERT_TRUE(feeder.records.front() == expected) << c.id; // EQ would print 16 MiB
        feeder.records.clear();
    }
    EXPECT_EQ(feeder.problem, "") << c.id;
    EXPECT_TRUE(feeder.decoder.idle()) << c.id;
}

TEST(WsConformance, Class9Limits) {
    const std::vector<LimitCase> cases = limit_cases();
    EXPECT_EQ(cases.size(), 54U);
    for (const LimitCase& c : cases) {
        run(c, Role::server);
        run(c, Role::client);
    }
}

TEST(WsConformance, Class9EndsWhereItsLimitsEnd) {
    const Frame too_big{.opcode = kBinary, .declared_bytes = 16 * kMiB + 1};
    EXPECT_EQ(decode(masked(too_big), Role::server, kConformance),
              std::vector<Bytes>{"error 1009"});
    const Bytes payload(65537, '*');
    const LimitCase one_too_many{.id = "fragments", .fragment_bytes = 1};
    EXPECT_EQ(decode(stream_of(one_too_many, payload, Role::server), Role::server, kConformance),
              std::vector<Bytes>{"error 1008"});
    EXPECT_EQ(
        decode(stream_of(one_too_many, payload.substr(1), Role::server), Role::server, kConformance)
            .size(),
        1U);
}

} // namespace
} // namespace mr
