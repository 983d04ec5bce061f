// What is likely to be said here, and the search for the best of several texts.
#include "worker/voice/moonshine/beam.h"
#include "worker/voice/moonshine/word_walk.h"
#include "worker/voice/word_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace mr::voice {
namespace {

using moonshine::Beam;
using moonshine::BeamOptions;
using moonshine::Candidate;
using moonshine::kTextEnd;
using moonshine::WordPreference;
using moonshine::WordWalk;

const WordModel& model() {
    static const WordModel words({
        "How many open invoices do we have",
        "which invoices are overdue",
        "who manages Harbor Point",
        "what is open on Harbor Point",
        "is Harbor Court late",
        "Nor'easter Power in 2025",
    });
    return words;
}

float log_of(const std::vector<std::string>& before, std::string_view word) {
    WordModel::History history = model().begin();
    for (const std::string& one : before) {
        history = model().after(history, model().find(one));
    }
    return model().log_likelihoods(history).at(model().find(word).value());
}

TEST(VoiceWordModel, WordsOfATextHaveNoCaseAndNoMarks) {
    struct Row {
        const char* text;
        std::vector<std::string> words;
    };
    const Row rows[] = {{"Who manages Harbor Point?", {"who", "manages", "harbor", "point"}},
                        {"  Nor'easter -- Ready-Mix, 2025.", {"noreaster", "ready", "mix", "2025"}},
                        {"caf\u00e9s", {"caf", "s"}},
                        {"'", {}},
                        {"", {}}};
    for (const Row& row : rows) {
        EXPECT_EQ(model_words(row.text), row.words) << row.text;
    }
}

TEST(VoiceWordModel, WordsAreFoundAndSoAreTheirBeginnings) {
    EXPECT_TRUE(model().find("harbor"));
    EXPECT_TRUE(model().find("noreaster"));
    EXPECT_FALSE(model().find("harb"));
    EXPECT_FALSE(model().find(""));
    EXPECT_FALSE(model().find("zzz"));
    const auto count = [](std::string_view prefix) {
        const WordModel::Range range = model().starting_with(prefix);
        return range.end - range.first;
    };
    EXPECT_EQ(count("o"), 3U) << "on, open, overdue";
    EXPECT_EQ(count("harbor"), 1U);
    EXPECT_EQ(count("harborx"), 0U);
    EXPECT_EQ(count("zz"), 0U);
    EXPECT_EQ(count(""), model().size());
}

TEST(VoiceWordModel, TheWordsBeforeDecide) {
    struct Row {
        std::vector<std::string> before;
        const char* likelier;
        const char* less;
    };
    const Row rows[] = {{{}, "how", "point"},
                        {{"who"}, "manages", "invoices"},
                        {{"harbor"}, "point", "court"},
                        {{"is", "harbor"}, "court", "point"},
                        {{"unheard", "of"}, "harbor", "late"},
                        {{"which"}, "invoices", "late"}};
    for (const Row& row : rows) {
        EXPECT_GT(log_of(row.before, row.likelier), log_of(row.before, row.less) + 0.2)
            << testing::PrintToString(row.before) << " " << row.likelier;
    }
}

TEST(VoiceWordModel, SharesOfAHistoryAreOne) {
    const std::vector<std::vector<std::string>> histories = {
        {}, {"harbor"}, {"on", "harbor"}, {"never", "seen"}, {"point"}};
    for (const auto& before : histories) {
        WordModel::History history = model().begin();
        for (const std::string& one : before) {
            history = model().after(history, model().find(one));
        }
        double sum = 0;
        for (const float log : model().log_likelihoods(history)) {
            sum += std::exp(static_cast<double>(log));
        }
        EXPECT_NEAR(sum, 1, 1e-4) << testing::PrintToString(before);
    }
}

TEST(VoiceWordModel, OfNothingKnowsNothing) {
    const WordModel none({});
    EXPECT_EQ(none.size(), 0U);
    EXPECT_TRUE(none.log_likelihoods(none.begin()).empty());
    WordWalk walk(&none, {});
    walk.add(" Harbor Point.");
    walk.end();
    EXPECT_EQ(walk.preference(), 0);
}

// ------------------------------------------------------------------------------------------------

WordWalk walked(const std::vector<const char*>& pieces, bool end = false) {
    WordWalk walk(&model(), {.weight = 1, .floor = -9});
    for (const char* piece : pieces) {
        walk.add(piece);
    }
    if (end) {
        walk.end();
    }
    return walk;
}

TEST(MoonshineWordWalk, PiecesMakeWords) {
    EXPECT_EQ(walked({" Har", "bor", " Point", "."}).words(), "harbor point ");
    EXPECT_EQ(walked({" Har", "bor", " Point"}).words(), "harbor point");
    EXPECT_EQ(walked({" Har", "bor", " Point"}, true).words(), "harbor point ");
    EXPECT_EQ(walked({" Nor", "'", "easter", " ", "-", " 2", "0"}).words(), "noreaster 20");
    EXPECT_EQ(walked({}, true).words(), "");
}

TEST(MoonshineWordWalk, TheSameWordsAreWorthTheSameHoweverTheyAreCut) {
    const float whole = walked({" who", " manages", " Harbor", " Point"}, true).preference();
    EXPECT_GT(whole, 0);
    EXPECT_FLOAT_EQ(walked({" WHO", " man", "ages", " Har", "bor", " Poi", "nt", "?"}).preference(),
                    whole);
}

TEST(MoonshineWordWalk, AWordThatIsNotCompleteIsWorthTheBestItCanBecome) {
    EXPECT_FLOAT_EQ(walked({" who", " ma"}).preference(),
                    walked({" who", " manages"}).preference());
    EXPECT_GT(walked({" harbor", " po"}).preference(), walked({" harbor", " co"}).preference());
    EXPECT_FLOAT_EQ(walked({" harbor", " po", "rt"}).preference(),
                    walked({" harbor"}, true).preference())
        << "what was expected of it is taken back";
}

TEST(MoonshineWordWalk, UnknownAndUnlikelyWordsAreNotPreferredAndCostNothing) {
    EXPECT_FLOAT_EQ(walked({" umbrella"}, true).preference(), 0);
    WordWalk strict(&model(), {.weight = 1, .floor = 0});
    strict.add(" Harbor Point");
    EXPECT_EQ(strict.preference(), 0);
    WordWalk none(nullptr, {});
    none.add(" Harbor Point");
    none.end();
    EXPECT_EQ(none.preference(), 0);
    EXPECT_EQ(none.words(), "harbor point ");
}

// ------------------------------------------------------------------------------------------------

using Steps = std::vector<std::vector<Candidate>>;

std::vector<int64_t> tokens_of(const Beam& beam) {
    return beam.best().tokens;
}

TEST(MoonshineBeam, OneTextAtATimeIsGreedy) {
    Beam beam(WordWalk(nullptr, {}), {.width = 1});
    beam.step(Steps{{{10, " a", -0.6F}, {11, " b", -0.8F}}});
    ASSERT_EQ(beam.live().size(), 1U);
    beam.step(Steps{{{12, " c", -3}, {13, " d", -3.5F}}});
    beam.step(Steps{{{kTextEnd, "", -0.1F}}});
    EXPECT_TRUE(beam.live().empty());
    EXPECT_EQ(tokens_of(beam), (std::vector<int64_t>{10, 12}));
    EXPECT_FLOAT_EQ(beam.best().heard, -3.7F);
    EXPECT_EQ(beam.best().log_likelihoods, (std::vector<float>{-0.6F, -3}));
}

TEST(MoonshineBeam, WhatBeginsLessWellCanWin) {
    Beam beam(WordWalk(nullptr, {}), {.width = 2});
    beam.step(Steps{{{10, " a", -0.6F}, {11, " b", -0.8F}}});
    ASSERT_EQ(beam.live().size(), 2U);
    beam.step(Steps{{{12, " c", -3}}, {{13, " d", -0.1F}}});
    ASSERT_EQ(beam.live().size(), 2U);
    EXPECT_EQ(beam.live()[0].tokens, (std::vector<int64_t>{11, 13}));
    EXPECT_EQ(beam.live()[0].parent, 1U);
    EXPECT_EQ(beam.live()[1].parent, 0U);
    beam.step(Steps{{{kTextEnd, "", -0.1F}}, {{kTextEnd, "", -0.1F}}});
    EXPECT_TRUE(beam.live().empty());
    EXPECT_EQ(tokens_of(beam), (std::vector<int64_t>{11, 13}));
}

TEST(MoonshineBeam, WhatIsLikelyHereWins) {
    const Steps first{{{10, " in", -0.5F}, {11, " inv", -1.5F}}};
    for (const bool knowing : {false, true}) {
        Beam beam(WordWalk(knowing ? &model() : nullptr, {.weight = 0.5F, .floor = -9}), {});
        beam.step(Steps{{{9, " which", -0.1F}}});
        beam.step(first);
        Steps second;
        for (const Beam::Text& text : beam.live()) {
            second.push_back(text.tokens[1] == 10 ? std::vector<Candidate>{{12, " voices", -0.3F}}
                                                  : std::vector<Candidate>{{13, "oices", -0.1F}});
        }
        beam.step(second);
        beam.step(Steps(beam.live().size(), {{kTextEnd, "", 0}}));
        EXPECT_EQ(tokens_of(beam).at(1), knowing ? 11 : 10);
    }
}

TEST(MoonshineBeam, TheSameWordsInAnotherCaseTakeNoPlace) {
    Beam beam(WordWalk(nullptr, {}), {.width = 2});
    beam.step(Steps{{{10, " Point", -0.5F}, {11, " point", -0.6F}, {12, " pond", -2}}});
    ASSERT_EQ(beam.live().size(), 2U);
    EXPECT_EQ(beam.live()[0].tokens, (std::vector<int64_t>{10}));
    EXPECT_EQ(beam.live()[1].tokens, (std::vector<int64_t>{12}));
}

TEST(MoonshineBeam, BoundsHold) {
    std::vector<Candidate> many;
    std::vector<std::string> pieces;
    for (int i = 0; i < 20; ++i) {
        pieces.push_back(" word" + std::to_string(i));
    }
    for (int i = 0; i < 20; ++i) {
        many.push_back({100 + i, pieces[static_cast<size_t>(i)], -0.5F * static_cast<float>(i)});
    }
    struct Row {
        BeamOptions options;
        size_t live;
    };
    const Row rows[] = {{{.width = 4, .behind = 50, .candidates = 50}, 4},
                        {{.width = 50, .behind = 50, .candidates = 50}, 20},
                        {{.width = 50, .behind = 2, .candidates = 50}, 5},
                        {{.width = 50, .behind = 50, .candidates = 1}, 3}};
    for (const Row& row : rows) {
        Beam beam(WordWalk(nullptr, {}), row.options);
        beam.step(Steps{many});
        EXPECT_EQ(beam.live().size(), row.live);
    }
}

TEST(MoonshineBeam, ItGoesOnWhileALongerTextIsBetterThanTheCompleteOne) {
    Beam beam(WordWalk(nullptr, {}), {.width = 3});
    beam.step(Steps{{{10, " a", -0.1F}}});
    beam.step(Steps{{{11, " b", -0.5F}, {kTextEnd, "", -1}}});
    ASSERT_EQ(beam.live().size(), 1U) << "the complete one is worse so far";
    EXPECT_EQ(tokens_of(beam), (std::vector<int64_t>{10}));
    beam.step(Steps{{{12, " c", -2}}});
    EXPECT_TRUE(beam.live().empty()) << "and now it is better";
    EXPECT_EQ(tokens_of(beam), (std::vector<int64_t>{10}));
}

TEST(MoonshineBeam, BeforeItsEndTheBestTextIsWhatThereIs) {
    Beam beam(WordWalk(nullptr, {}), {});
    EXPECT_TRUE(tokens_of(beam).empty());
    beam.step(Steps{{{10, " a", -0.1F}, {11, " b", -0.2F}}});
    EXPECT_EQ(tokens_of(beam), (std::vector<int64_t>{10}));
}

} // namespace
} // namespace mr::voice
