// Event ids and session ids: exact text forms, strict parsing, order as integers.
#include "shared/ids.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace mr {
namespace {

TEST(EventId, FormatsAndParsesBack) {
    std::mt19937_64 random(7);
    std::vector<EventId> ids = {{0, 0}, {0, 1}, {1, 0}, {UINT64_MAX, UINT64_MAX}, {10, 9}};
    for (int i = 0; i < 1000; ++i) {
        ids.push_back({random() >> (random() % 64), random() >> (random() % 64)});
    }
    for (const EventId id : ids) {
        const std::string text(format_event_id(id).view());
        EXPECT_EQ(text, std::to_string(id.epoch) + "-" + std::to_string(id.seq));
        const auto back = parse_event_id(text);
        ASSERT_TRUE(back.has_value()) << text;
        EXPECT_EQ(*back, id);
    }
}

TEST(EventId, RefusesEverythingElse) {
    for (const char* text :
         {"", "-", "1", "1-", "-1", "1--1", "01-1", "1-01", "1-1 ", " 1-1", "+1-1", "1-1-1", "a-1",
          "1-b", "18446744073709551616-0", "0-18446744073709551616", "99999999999999999999999-0"}) {
        EXPECT_FALSE(parse_event_id(text).has_value()) << text;
    }
}

TEST(EventId, OrdersAsIntegersNotAsText) {
    EXPECT_LT((EventId{9, 5}), (EventId{10, 1}));
    EXPECT_LT((EventId{10, 9}), (EventId{10, 10}));
    EXPECT_LT((EventId{0, 0}), (EventId{1, 0}));
}

TEST(SessionId, IsUuidVersion4) {
    std::mt19937 random(3);
    for (int i = 0; i < 200; ++i) {
        uint8_t bytes[16];
        for (uint8_t& byte : bytes) {
            byte = static_cast<uint8_t>(random());
        }
        char text[kSessionIdChars];
        format_session_id(bytes, text);
        const std::string_view id{text, kSessionIdChars};
        EXPECT_TRUE(session_id_valid(id));
        EXPECT_EQ(id[14], '4');
        EXPECT_NE(std::string_view("89ab").find(id[19]), std::string_view::npos);
    }
}

TEST(SessionId, ValidityIsStrict) {
    const std::string good = "0123abcd-4567-4abc-89ab-0123456789ab";
    EXPECT_TRUE(session_id_valid(good));
    for (size_t i = 0; i < good.size(); ++i) {
        std::string bad = good;
        bad[i] = good[i] == '-' ? '0' : 'G';
        EXPECT_FALSE(session_id_valid(bad)) << bad;
    }
    EXPECT_FALSE(session_id_valid(good + "0"));
    EXPECT_FALSE(session_id_valid(good.substr(1)));
}

} // namespace
} // namespace mr
