// The Autobahn suite's limits (class 9: 54 cases), stated for the codec alone: messages of up to
// 16 MiB, 4 MiB in up to 65,536 fragments, 1 MiB in small chops, and thousands of messages in a
// row, under the limits of the conformance profile. Every case runs as server and as client.
#include "shared/ws_frame.h"
#include "tests/unit/shared_ws_limit_cases.h"

#include <gtest/gtest.h>

namespace mr {
namespace {

using namespace ws_test;

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
