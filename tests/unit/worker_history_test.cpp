// Entries of a conversation, in Redis and back (worker/session/history.h).
#include "worker/session/history.h"

#include <gtest/gtest.h>

namespace mr {
namespace {

HistoryEntry example() {
    HistoryEntry entry;
    entry.role = "assistant";
    entry.content = "Grüße \"aus\"\n\\ 😀\x01";
    entry.turn_id = "turn-1";
    entry.status = "complete";
    return entry;
}

void expect_same(const HistoryEntry& a, const HistoryEntry& b) {
    EXPECT_EQ(a.role, b.role);
    EXPECT_EQ(a.content, b.content);
    EXPECT_EQ(a.turn_id, b.turn_id);
    EXPECT_EQ(a.status, b.status);
    EXPECT_EQ(a.memory, b.memory);
    EXPECT_EQ(a.rating, b.rating);
    EXPECT_EQ(a.comment, b.comment);
}

TEST(WorkerHistory, AnEntryComesBackAsItWas) {
    HistoryEntry entry = example();
    expect_same(parse_history(history_text(entry)), entry);
    entry.memory = nlohmann::json::parse(R"({"scope":{"ids":[1,2.5,-3]},"none":null})");
    entry.rating = -1;
    entry.comment = "no \"thanks\"";
    expect_same(parse_history(history_text(entry)), entry);
    EXPECT_EQ(nlohmann::json::parse(history_text(entry))["content"], entry.content);
}

TEST(WorkerHistory, WhatIsNoEntryHasNoRole) {
    for (const char* bad : {"", "null", "[]", "{", R"({"role":5})", R"({"content":"x"})"}) {
        EXPECT_TRUE(parse_history(bad).role.empty()) << bad;
    }
}

TEST(WorkerHistory, ALongAnswerIsCutAndAQuestionIsNot) {
    HistoryEntry entry = example();
    entry.content.assign(kMaxHistoryTextBytes + 100, 'x');
    const std::string cut = parse_history(history_text(entry)).content;
    EXPECT_LE(cut.size(), kMaxHistoryTextBytes);
    EXPECT_TRUE(cut.ends_with(kHistoryCut));
    entry.role = "user";
    EXPECT_EQ(parse_history(history_text(entry)).content, entry.content);
}

} // namespace
} // namespace mr
