// How much of an answer has been heard: by the clock, by the place, in words and in bytes; and
// which utterances are the same.
#include "worker/apps/heard.h"
#include "worker/apps/past_questions.h"
#include "worker/apps/play_clock.h"
#include "worker/apps/voice_ask.h"
#include "worker/session/history.h"

#include <gtest/gtest.h>

namespace mr {
namespace {

using std::chrono::milliseconds;

const PlayClock::Time kStart = std::chrono::steady_clock::now();
PlayClock::Time at(int ms) {
    return kStart + milliseconds(ms);
}

TEST(PlayClocks, PlaysWhatWasSentAndNoMore) {
    PlayClock clock;
    EXPECT_EQ(clock.played(at(500)), 0);
    clock.sent(300, at(1000));
    EXPECT_EQ(clock.played(at(1000)), 0);
    EXPECT_EQ(clock.played(at(1100)), 100);
    EXPECT_EQ(clock.ahead(at(1100)), 200);
    EXPECT_EQ(clock.played(at(5000)), 300);
    clock.sent(100, at(6000)); // after a gap
    EXPECT_EQ(clock.played(at(6050)), 350);
    clock.sent(100, at(6050)); // without one
    EXPECT_EQ(clock.played(at(6150)), 450);
}

TEST(PlayClocks, StandsWhileItIsHeld) {
    PlayClock clock;
    clock.sent(1000, at(0));
    clock.hold(at(400));
    EXPECT_EQ(clock.played(at(900)), 400);
    clock.hold(at(1000)); // again
    EXPECT_EQ(clock.played(at(1100)), 400);
    clock.go_on(at(2000));
    clock.go_on(at(2100)); // again
    EXPECT_EQ(clock.played(at(2300)), 700);
}

std::vector<SpokenSegment> spoken() {
    std::vector<SpokenSegment> segments(4);
    segments[0] = {"Searching documents", true, 0, 0, 500, true};
    segments[1] = {"Three are open.", false, 0, 17, 1000, true};
    segments[2] = {"The oldest is from May.", false, 17, 40, 2000, true};
    segments[3] = {"It is late.", false, 40, 51, 200, false};
    return segments;
}

struct Row {
    HeardPlace place;
    uint32_t from_segment;
    std::string text;
    size_t bytes;
};

TEST(HeardText, GoesToTheEndOfTheLastWholeWord) {
    const auto segments = spoken();
    const Row rows[] = {
        {{0, 0}, 0, "", 0},
        {{0, 400}, 0, "", 0}, // progress is no part of the answer
        {{1, 0}, 1, "", 0},
        {{1, 100}, 1, "", 0},
        {{1, 500}, 1, "Three", 5 * 17 / 15},
        {{1, 1000}, 2, "Three are open.", 17},
        {{2, 0}, 2, "Three are open.", 17},
        {{2, 1000}, 2, "Three are open. The oldest", 17 + 23 * 10 / 23},
        {{2, 9000}, 3, "Three are open. The oldest is from May.", 40},
        {{3, 200}, 3, "Three are open. The oldest is from May. It", 42}, // its end is not made yet
        {{9, 0}, 4, "Three are open. The oldest is from May. It is late.", 51},
    };
    for (const Row& row : rows) {
        const Heard heard = heard_up_to(segments, row.place);
        const std::string where =
            std::to_string(row.place.segment) + "/" + std::to_string(row.place.ms);
        EXPECT_EQ(heard.from_segment, row.from_segment) << where;
        EXPECT_EQ(heard.text, row.text) << where;
        EXPECT_EQ(heard.answer_bytes, row.bytes) << where;
        EXPECT_EQ(answer_bytes_of(segments, heard), row.bytes) << "from what clients are told";
    }
    EXPECT_EQ(heard_up_to({}, {3, 100}).text, "");
}

TEST(HeardText, APlaceOfTheWholeIsFoundInItsSegment) {
    const auto segments = spoken();
    const std::pair<int64_t, HeardPlace> rows[] = {
        {0, {0, 0}},      {499, {0, 499}},  {500, {1, 0}},
        {1600, {2, 100}}, {3600, {3, 100}}, {90'000, {3, 86'500}},
    };
    for (const auto& [ms, place] : rows) {
        EXPECT_EQ(place_of(segments, ms).segment, place.segment) << ms;
        EXPECT_EQ(place_of(segments, ms).ms, place.ms) << ms;
    }
}

TEST(HeardText, MoreIsHeardTheLaterItIs) {
    const auto segments = spoken();
    Heard before;
    for (int64_t ms = 0; ms < 5000; ms += 7) {
        const Heard heard = heard_up_to(segments, place_of(segments, ms));
        EXPECT_GE(heard.answer_bytes, before.answer_bytes) << ms;
        EXPECT_TRUE(heard.text.starts_with(before.text)) << ms;
        before = heard;
    }
}

TEST(HeardText, AnAnswerIsCutBetweenCharactersAndNeverToNothing) {
    const std::string answer = "Fünf Häuser";
    EXPECT_EQ(cut_answer(answer, answer.size()), answer);
    EXPECT_EQ(cut_answer(answer, SIZE_MAX), answer);
    for (size_t bytes = 0; bytes < answer.size(); ++bytes) {
        const std::string cut = cut_answer(answer, bytes);
        EXPECT_TRUE(cut.ends_with(kHistoryCut)) << bytes;
        EXPECT_TRUE(answer.starts_with(cut.substr(0, cut.size() - sizeof(kHistoryCut) + 1)));
    }
    EXPECT_EQ(cut_answer(answer, 8), std::string("Fünf H") + kHistoryCut);
}

TEST(Utterances, AreTheSameWhereTheyOverlapInOneStream) {
    const std::vector<std::string> known = {utterance_message_id("s", {1000, 3000}),
                                            utterance_message_id("other", {5000, 6000}),
                                            "voice-1-2", "typed", ""};
    EXPECT_EQ(same_utterance("s", {1000, 3000}, known), known[0]);
    EXPECT_EQ(same_utterance("s", {1100, 2950}, known), known[0]);
    EXPECT_EQ(same_utterance("s", {1500, 2000}, known), known[0]);
    EXPECT_EQ(same_utterance("s", {2500, 4500}, known), "") << "a quarter";
    EXPECT_EQ(same_utterance("s", {3000, 4000}, known), "");
    EXPECT_EQ(same_utterance("s", {5000, 6000}, known), "") << "of another stream";
    EXPECT_TRUE(is_utterance(known[0]));
    EXPECT_TRUE(begins_before_end(known[0], "s", 0));
    EXPECT_TRUE(begins_before_end(known[0], "s", 2999));
    EXPECT_FALSE(begins_before_end(known[0], "s", 3000));
    EXPECT_FALSE(begins_before_end(known[0], "other", 0));
    EXPECT_FALSE(begins_before_end("typed", "s", 0));
    EXPECT_FALSE(is_utterance("typed"));
    EXPECT_LE(utterance_message_id(std::string(128, 's'), {INT64_MAX, INT64_MAX}).size(), 128u);
}

} // namespace
} // namespace mr
