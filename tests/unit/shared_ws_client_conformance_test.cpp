// The Autobahn suite's 301 cases of classes 1 to 7, 9 and 10 from the other side: the server of the
// case sends its frames to an echoing client, whose frames are judged as the suite does, strictly:
// every answer owed goes out, in order, before the Close; none comes after it.
#include "tests/unit/shared_ws_client_support.h"
#include "tests/unit/shared_ws_core_cases.h"
#include "tests/unit/shared_ws_limit_cases.h"
#include "tests/unit/shared_ws_text_cases.h"

#include <gtest/gtest.h>

namespace mr {
namespace {

using namespace ws_test;

constexpr size_t kRandomRounds = 4;
constexpr size_t kFrameByFrame = 0, kAtRandom = 1 << 30, kWhole = kAtRandom + 1;

void judge(const Case& c, const EchoClient& client, const std::string& how) {
    std::vector<Bytes> events{"upgraded:"};
    events.insert(events.end(), c.expected.begin(), c.expected.end());
    EXPECT_EQ(client.events, events) << c.id << how;
    EXPECT_EQ(answers_of(client), answers_to(c.expected)) << c.id << how;
    EXPECT_EQ(client.problem, "") << c.id << how;
    const bool closed = c.expected.back().starts_with("close ");
    EXPECT_EQ(client.client.closed_cleanly(), closed) << c.id << how;
    EXPECT_EQ(client.client.state(), closed || c.expected.back().starts_with("error ")
                                         ? WsClientState::lingering
                                         : WsClientState::open)
        << c.id << how;
}

void run_client(const Case& c, bool whole_messages, size_t chop_bytes, std::mt19937& random) {
    EchoClient client(WsClientOptions{.whole_messages = whole_messages});
    Bytes stream = good_response();
    if (chop_bytes == kFrameByFrame) {
        client.feed(stream);
        for (const Frame& frame : c.frames) {
            client.feed(unmasked(frame));
        }
    } else {
        for (const Frame& frame : c.frames) {
            stream += unmasked(frame);
        }
        if (chop_bytes == kAtRandom) {
            client.feed_at_random(stream, random, stream.size() > 4096 ? 8192 : 40);
        } else {
            client.feed_in_pieces_of(stream, chop_bytes);
        }
    }
    judge(c, client,
          std::string(whole_messages ? " whole" : " in pieces") + ", chop " +
              std::to_string(chop_bytes));
}

void run_clients(const std::vector<Case>& cases, size_t expected_count) {
    EXPECT_EQ(cases.size(), expected_count);
    std::mt19937 random(6455);
    for (const Case& c : cases) {
        for (const bool whole : {true, false}) {
            for (const size_t chop : {kFrameByFrame, size_t{1}, size_t{997}, kWhole}) {
                run_client(c, whole, chop, random);
            }
            for (size_t round = 0; round < kRandomRounds; ++round) {
                run_client(c, whole, kAtRandom, random);
            }
        }
    }
}

TEST(WsClientConformance, Class1Framing) {
    run_clients(framing_cases(), 16);
}
TEST(WsClientConformance, Class2PingsAndPongs) {
    run_clients(ping_cases(), 11);
}
TEST(WsClientConformance, Class3ReservedBits) {
    run_clients(reserved_bit_cases(), 7);
}
TEST(WsClientConformance, Class4Opcodes) {
    run_clients(opcode_cases(), 10);
}
TEST(WsClientConformance, Class5Fragmentation) {
    run_clients(fragmentation_cases(), 20);
}
TEST(WsClientConformance, Class6Text) {
    run_clients(text_cases(), 145);
}
TEST(WsClientConformance, Class7Close) {
    run_clients(close_cases(), 37);
}
TEST(WsClientConformance, Class10AutoFragmentation) {
    run_clients(auto_fragmentation_cases(), 1);
}

// 6.4: the Close goes out with the impossible byte, before the rest of the message has come.
TEST(WsClientConformance, Class6FailsFast) {
    for (const Case& c : text_message_cases()) {
        if (!c.id.starts_with("6.4")) {
            continue;
        }
        Bytes stream;
        size_t payload_bytes = 0, fatal = 0; // payload byte 13 is impossible
        for (const Frame& frame : c.frames) {
            const size_t header_bytes = unmasked(frame).size() - frame.payload.size();
            if (payload_bytes < 13 && payload_bytes + frame.payload.size() >= 13) {
                fatal = stream.size() + header_bytes + 13 - payload_bytes;
            }
            payload_bytes += frame.payload.size();
            stream += unmasked(frame);
        }
        EchoClient client(WsClientOptions{});
        client.feed(good_response());
        client.feed(stream.substr(0, fatal - 1));
        EXPECT_EQ(answers_of(client), std::vector<Bytes>{}) << c.id;
        client.feed(stream.substr(fatal - 1, 1));
        EXPECT_EQ(answers_of(client), std::vector<Bytes>{"close 1007"}) << c.id;
    }
}

void run_limit(const LimitCase& c, bool whole_messages) {
    const Bytes payload(c.message_bytes, c.opcode == kText ? '*' : '\xFE');
    const Bytes expected = (c.opcode == kText ? "text:" : "binary:") + payload;
    const Bytes stream = stream_of(c, payload, Role::client);
    EchoClient client(WsClientOptions{
        .limits = kConformance, .max_output_bytes = 17 * kMiB, .whole_messages = whole_messages});
    client.feed(good_response());
    for (size_t round = 0; round < c.rounds; ++round) {
        client.feed_in_pieces_of(stream, c.chop_bytes);
        ASSERT_EQ(client.sent.records.size(), 1U) << c.id;
        ASSERT_TRUE(client.sent.records.front() == expected) << c.id; // EQ would print 16 MiB
        client.sent.records.clear();
    }
    EXPECT_EQ(client.problem, "") << c.id;
    EXPECT_EQ(client.client.state(), WsClientState::open) << c.id;
}

TEST(WsClientConformance, Class9Limits) {
    const std::vector<LimitCase> cases = limit_cases();
    EXPECT_EQ(cases.size(), 54U);
    for (const LimitCase& c : cases) {
        run_limit(c, true);
        run_limit(c, false);
    }
}

} // namespace
} // namespace mr
