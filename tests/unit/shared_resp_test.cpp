// RESP codec and reconnect delays.
#include "shared/backoff.h"
#include "shared/resp.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace mr {
namespace {

TEST(Resp, EncodesCommandsExactly) {
    Buffer out;
    ASSERT_TRUE(encode_command(out, {"XADD", "k", std::string_view("a\0b", 3), ""}));
    EXPECT_EQ(out.text(),
              std::string_view("*4\r\n$4\r\nXADD\r\n$1\r\nk\r\n$3\r\na\0b\r\n$0\r\n\r\n", 36));
}

std::string describe(Reply reply) {
    switch (reply.type()) {
    case ReplyType::integer:
        return ":" + std::to_string(reply.integer());
    case ReplyType::nil:
        return "nil";
    case ReplyType::array: {
        std::string text = "[";
        for (size_t i = 0; i < reply.size(); ++i) {
            text += describe(reply[i]) + ",";
        }
        return text + "]";
    }
    default:
        return std::string(1, "$?:?+-"[static_cast<int>(reply.type())]) + std::string(reply.text());
    }
}

TEST(Resp, SameRepliesHoweverTheBytesAreCut) {
    const std::string bytes =
        "+OK\r\n:42\r\n$-1\r\n*3\r\n$8\r\nsmessage\r\n$0\r\n\r\n*2\r\n:1\r\n$3\r\n"
        "a\r\n\r\n-NOSCRIPT no\r\n*-1\r\n";
    std::vector<std::string> whole;
    std::mt19937 random(2);
    for (int round = 0; round < 400; ++round) {
        RespReader reader;
        std::vector<std::string> seen;
        size_t at = 0;
        while (at < bytes.size()) {
            const size_t piece =
                round == 0 ? bytes.size() : std::min<size_t>(1 + random() % 9, bytes.size() - at);
            ASSERT_TRUE(reader.feed(bytes.data() + at, piece));
            at += piece;
            while (reader.next() == RespReader::Result::reply) {
                seen.push_back(describe(reader.current()));
            }
        }
        if (round == 0) {
            whole = seen;
            ASSERT_EQ(whole.size(), 6U);
            EXPECT_EQ(whole[3], "[$smessage,$,[:1,$a\r\n,],]");
        }
        EXPECT_EQ(seen, whole);
    }
}

TEST(Resp, ErrorsAreToldApart) {
    RespReader reader;
    const std::string bytes = "-NOSCRIPT No matching script\r\n";
    ASSERT_TRUE(reader.feed(bytes.data(), bytes.size()));
    ASSERT_EQ(reader.next(), RespReader::Result::reply);
    EXPECT_TRUE(reader.current().error_is("NOSCRIPT"));
    EXPECT_FALSE(reader.current().error_is("OOM"));
    ASSERT_TRUE(reader.feed("?\r\n", 3));
    EXPECT_EQ(reader.next(), RespReader::Result::protocol_error);
    EXPECT_NE(std::string_view(reader.error()), "");
    reader.reset();
    ASSERT_TRUE(reader.feed("+OK\r\n", 5));
    EXPECT_EQ(reader.next(), RespReader::Result::reply);
}

TEST(Backoff, StaysInItsBoundsAndStartsOver) {
    std::mt19937 random(9);
    Backoff backoff(100, 5000);
    uint32_t ceiling = 100;
    for (int i = 0; i < 100; ++i) {
        const uint32_t delay = backoff.next(static_cast<uint32_t>(random()));
        EXPECT_GE(delay, 25U);
        EXPECT_LE(delay, ceiling);
        ceiling = std::min<uint32_t>(ceiling * 2, 5000);
    }
    backoff.reset();
    EXPECT_LE(backoff.next(static_cast<uint32_t>(random())), 100U);
}

} // namespace
} // namespace mr
