// What the command-style recogniser is made of: names, sentences, their trigrams, pronunciations.
#include "worker/voice/names.h"
#include "worker/voice/pocketsphinx/dictionary.h"
#include "worker/voice/pocketsphinx/question_sentences.h"
#include "worker/voice/pocketsphinx/trigrams.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <string>

namespace mr::voice {
namespace {

TEST(VoiceNames, AreThoseOfTheDemoCompany) {
    const SpeechNames names = demo_names();
    const auto has = [](const std::vector<std::string>& list, const char* name) {
        return std::ranges::find(list, name) != list.end();
    };
    EXPECT_TRUE(has(names.projects, "Harbor Point"));
    EXPECT_TRUE(has(names.projects, "the waterfront towers"));
    EXPECT_FALSE(has(names.projects, "Harbour Point")) << "sounds like the name";
    EXPECT_TRUE(has(names.companies, "Drydock Waterproofing"));
    EXPECT_TRUE(has(names.companies, "Seabright Development Partners"));
    EXPECT_TRUE(has(names.people, "Elena Marsh"));
    EXPECT_TRUE(has(names.places, "Portland"));
    EXPECT_TRUE(has(names.trades, "roofing"));
    EXPECT_GT(names.all().size(), 150U);
}

struct Row {
    const char* from;
    const char* to;
};

TEST(VoiceNames, SpokenForm) {
    const Row rows[] = {{"Harbor Point", "harbor point"},
                        {"St. Brendan Medical Pavilion", "saint brendan medical pavilion"},
                        {"Maple St School", "maple st school"},
                        {"Nor'easter Power and Light", "noreaster power and light"},
                        {"Atlas Ready-Mix  and Forming.", "atlas ready mix and forming"},
                        {"East. Works", "east works"},
                        {"MR-23-009", ""},
                        {"Caf\xc3\xa9", ""},
                        {"", ""}};
    for (const Row& row : rows) {
        EXPECT_EQ(spoken_form(row.from), row.to) << row.from;
    }
}

TEST(VoiceNames, YearsAndQuartersAreWritten) {
    const Row rows[] = {{"in twenty twenty five", "in 2025"},
                        {"twenty twenty", "2020"},
                        {"twenty twenty and twenty twenty one", "2020 and 2021"},
                        {"two thousand and nine please", "2009 please"},
                        {"two thousand twenty four", "2024"},
                        {"march twenty nineteen", "march 2019"},
                        {"in q three twenty twenty five", "in Q3 2025"},
                        {"q seven", "q seven"},
                        {"twenty", "twenty"},
                        {"twenty five projects", "twenty five projects"},
                        {"the top five", "the top five"},
                        {"two thousand", "two thousand"},
                        {"", ""}};
    for (const Row& row : rows) {
        EXPECT_EQ(written_years(row.from), row.to) << row.from;
    }
}

std::set<std::string> words_of(const std::vector<std::string>& sentences) {
    std::set<std::string> words;
    for (const std::string& sentence : sentences) {
        std::istringstream stream(sentence);
        for (std::string word; stream >> word;) {
            words.insert(word);
        }
    }
    return words;
}

TEST(VoiceSentences, HoldEveryNameAndNothingElse) {
    const SpeechNames names = demo_names();
    const std::vector<std::string> sentences = question_sentences(names);
    EXPECT_GT(sentences.size(), 3'000U);
    EXPECT_LT(sentences.size(), kMaxSentences);
    std::string all;
    for (const std::string& sentence : sentences) {
        all += sentence + "\n";
        ASSERT_EQ(sentence.find_first_not_of("abcdefghijklmnopqrstuvwxyz "), std::string::npos)
            << sentence;
        ASSERT_EQ(sentence.find("  "), std::string::npos) << sentence;
        ASSERT_FALSE(sentence.front() == ' ' || sentence.back() == ' ') << sentence;
    }
    for (const std::string& name : names.all()) {
        std::string form = spoken_form(name);
        form.erase(0, form.starts_with("the ") ? 4 : 0);
        EXPECT_NE(all.find(form), std::string::npos) << name;
    }
    EXPECT_NE(all.find("how much have we invoiced on the harbor point project"), std::string::npos)
        << "or a like one; the templates turn";
}

TEST(VoiceSentences, ACompanyWithoutNamesHasQuestionsToo) {
    const std::vector<std::string> sentences = question_sentences(SpeechNames{});
    EXPECT_GT(sentences.size(), 100U);
    EXPECT_TRUE(words_of(sentences).contains("overdue"));
}

// The model read back: log10 of probability and of the weight of backing off.
struct Arpa {
    std::map<std::string, std::pair<double, double>> grams;
    std::map<size_t, size_t> promised;

    explicit Arpa(const std::string& text) {
        std::istringstream stream(text);
        size_t order = 0;
        for (std::string line; std::getline(stream, line);) {
            if (line.starts_with("ngram ")) {
                promised[std::stoul(line.substr(6))] = std::stoul(line.substr(line.find('=') + 1));
            } else if (line.starts_with("\\") && line.ends_with("-grams:")) {
                order = std::stoul(line.substr(1));
            } else if (!line.empty() && line.front() == '-') {
                read(line, order);
            }
        }
    }
    void read(const std::string& line, size_t order) {
        std::istringstream stream(line);
        double log = 0;
        double backoff = 0;
        std::string gram;
        stream >> log;
        for (size_t i = 0; i < order; ++i) {
            std::string word;
            stream >> word;
            gram += (i == 0 ? "" : " ") + word;
        }
        stream >> backoff;
        grams[gram] = {log, backoff};
    }
    double probability(const std::string& history, const std::string& word) const {
        const std::string gram = history.empty() ? word : history + " " + word;
        if (const auto at = grams.find(gram); at != grams.end()) {
            return std::pow(10, at->second.first);
        }
        if (history.empty()) {
            return 0;
        }
        const size_t blank = history.find(' ');
        const std::string shorter = blank == std::string::npos ? "" : history.substr(blank + 1);
        const auto at = grams.find(history);
        const double weight = at == grams.end() ? 1 : std::pow(10, at->second.second);
        return weight * probability(shorter, word);
    }
};

TEST(VoiceTrigrams, AreADistributionForEveryHistory) {
    const std::vector<std::string> sentences = {"a b c", "a b d", "b c", "a", "a c c d"};
    const Arpa model(arpa_trigrams(sentences));
    EXPECT_EQ(model.promised.at(1), 6U); // a b c d <s> </s>
    size_t all = 0;
    for (const auto& [order, count] : model.promised) {
        all += count;
    }
    EXPECT_EQ(model.grams.size(), all);
    for (const std::string history : {"", "<s>", "a", "b", "c", "<s> a", "a b", "b c", "c c"}) {
        double sum = 0;
        for (const char* const word : {"a", "b", "c", "d", "</s>"}) {
            sum += model.probability(history, word);
        }
        EXPECT_NEAR(sum, 1, 0.002) << "after '" << history << "'";
    }
    EXPECT_GT(model.probability("<s>", "a"), model.probability("<s>", "b"));
    EXPECT_GT(model.probability("a", "b"), model.probability("a", "a"));
    EXPECT_GT(model.probability("a b", "a"), 0) << "never seen, never impossible";
}

TEST(VoiceTrigrams, OfNothingAreEmpty) {
    EXPECT_NE(arpa_trigrams({}).find("\\end\\"), std::string::npos);
}

constexpr std::string_view kDictionary = "bay B EY\nthe DH AH\nthe(2) DH IY\nside S AY D\n"
                                         "seal S IY L\ntight T AY T\nsea S IY\n";

TEST(VoiceDictionary, TakesPutsTogetherAndGuesses) {
    const SmallDictionary small =
        small_dictionary(kDictionary, {"the", "bay", "sealtight", "kestrel"});
    EXPECT_EQ(small.text, "the DH AH\nthe(2) DH IY\nbay B EY\nsealtight S IY L T AY T\n"
                          "kestrel K EH S T R EH L\n");
    EXPECT_EQ(small.guessed, std::vector<std::string>{"kestrel"});
    EXPECT_EQ(small_dictionary("", {}).text, "");
}

TEST(VoiceDictionary, RulesOfSpelling) {
    const Row rows[] = {{"nandakumar", "N AE N D AE K AH M AA R"},
                        {"okafor", "AA K AE F AO R"},
                        {"shipp", "SH IH P"},
                        {"quayle", "K W EY L"},
                        {"moore", "M AO R"},
                        {"", ""}};
    for (const Row& row : rows) {
        EXPECT_EQ(guessed_phones(row.from), row.to) << row.from;
    }
}

} // namespace
} // namespace mr::voice
