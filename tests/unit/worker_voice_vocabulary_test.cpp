// Names put right in what a recogniser heard, and everyday words left alone.
#include "worker/voice/phonetic.h"
#include "worker/voice/vocabulary.h"

#include <gtest/gtest.h>

#include <string>

namespace mr::voice {
namespace {

const Vocabulary& names() {
    static const Vocabulary vocabulary({
        "Harbor Point",
        "Harbor Court",
        "Bayside Terrace",
        "Bayview Commons",
        "Maple Street School",
        "Winslow Hall",
        "Winslow Science Center",
        "Aurora Tower",
        "Kestrel Ridge Elementary",
        "Tannery Row",
        "Juniper House",
        "St. Brendan Medical Pavilion",
        "Copper Hill",
        "Lumen",
        "Drydock Waterproofing",
        "Sealtight Building Envelope",
        "Nor'easter Power and Light",
        "Highcap Roofing",
        "Hartwell Concrete",
        "Elena Marsh",
        "Seabright Development Partners",
        "Seabright",
        "roofing",
        "waterproofing",
        "glazing",
        "drywall",
        "Portland",
        "Worcester",
        "Tidal Works",
        "Polar Air Mechanical",
        "HP",
    });
    return vocabulary;
}

struct Row {
    const char* heard;
    const char* expected;
};

TEST(VoiceVocabulary, PutsNamesRight) {
    const Row rows[] = {
        // What recognisers of general English made of the demo company's words.
        {"how much did the ruffing cost", "how much did the roofing cost"},
        {"the roughing bids", "the roofing bids"},
        {"what about beside terrace", "what about Bayside Terrace"},
        {"is bay side terrace late?", "is Bayside Terrace late?"},
        {"bayside terras", "Bayside Terrace"},
        {"the budget of harbour point", "the budget of Harbor Point"},
        {"Harper Point", "Harbor Point"},
        {"harbor points", "Harbor Point"},
        {"when slow hall", "when slow hall"}, // too far
        {"winslowe hall", "Winslow Hall"},
        {"kestral ridge elementary", "Kestrel Ridge Elementary"},
        {"tannary row", "Tannery Row"},
        {"saint brendan medical pavilion", "St. Brendan Medical Pavilion"},
        {"St. Brandon medical pavilion", "St. Brendan Medical Pavilion"},
        {"dry dock waterproofing", "Drydock Waterproofing"},
        {"seal tight building envelope", "Sealtight Building Envelope"},
        {"nor easter power and light", "Nor'easter Power and Light"},
        {"high cap roofing", "Highcap Roofing"},
        {"heartwell concrete", "Hartwell Concrete"},
        {"does elina marsh manage it", "does Elena Marsh manage it"},
        {"seabrite", "Seabright"},
        {"sea bright development partners", "Seabright Development Partners"},
        {"polar aire mechanical", "Polar Air Mechanical"},
        // Right already: only the spelling.
        {"Compare harbor point, and harbor court!", "Compare Harbor Point, and Harbor Court!"},
        {"the roofing", "the roofing"},
        {"in portland", "in Portland"},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(names().snap(row.heard), row.expected) << row.heard;
    }
}

TEST(VoiceVocabulary, LeavesOtherWordsAlone) {
    const char* const texts[] = {
        "",
        "   ",
        "how many open invoices do we have",
        "what is beside the court",
        "the roof is on the floor",
        "a point about the harbor",
        "which project has the most overdue",
        "what did the clients pay us this year compared to last year",
        "is there a tower",
        "hip hop",
        "it rains; the tide works for us \xe2\x80\x93 100 %",
        "we own the house",
        "human resources",
        "a woman's glasses",
    };
    for (const char* const text : texts) {
        EXPECT_EQ(names().snap(text), text);
    }
}

TEST(VoiceVocabulary, DoesNotChooseBetweenNamesThatFitAsWell) {
    const Vocabulary vocabulary({"Bellam Street", "Dellam Street", "Vellan", "Fellan"});
    EXPECT_EQ(vocabulary.snap("at gellam street"), "at gellam street");
    EXPECT_EQ(vocabulary.snap("at bellam street"), "at Bellam Street");
}

TEST(VoiceVocabulary, IsItsOwnFixedPoint) {
    for (const char* const text :
         {"harbour point and beside terrace", "saint brandon medical pavilion",
          "the ruffing by high cap roofing in portland"}) {
        const std::string once = names().snap(text);
        EXPECT_EQ(names().snap(once), once);
    }
}

TEST(VoiceVocabulary, WorksOnABoundedNumberOfWords) {
    std::string text;
    for (int i = 0; i < 500; ++i) {
        text += "harbour point ";
    }
    const std::string snapped = names().snap(text);
    EXPECT_EQ(snapped.substr(0, 26), "Harbor Point Harbor Point ");
    EXPECT_EQ(snapped.substr(snapped.size() - 14), "harbour point ");
}

TEST(VoicePhonetic, KeysAreEqualForWhatSoundsAlike) {
    const Row rows[] = {{"beside", "bayside"}, {"ruffing", "roofing"}, {"roughing", "roofing"},
                        {"knight", "nite"},    {"phone", "fon"},       {"terrace", "terras"},
                        {"quick", "kwik"}};
    for (const Row& row : rows) {
        EXPECT_EQ(phonetic_key(row.heard), phonetic_key(row.expected)) << row.heard;
    }
    EXPECT_NE(phonetic_key("point"), phonetic_key("court"));
    EXPECT_EQ(phonetic_key(""), "");
}

TEST(VoicePhonetic, CountsEdits) {
    EXPECT_EQ(edit_distance("harbor", "harbor", 2), 0U);
    EXPECT_EQ(edit_distance("harbor", "harbour", 2), 1U);
    EXPECT_EQ(edit_distance("harbor", "habror", 2), 1U) << "neighbours swapped";
    EXPECT_EQ(edit_distance("kitten", "sitting", 5), 3U);
    EXPECT_EQ(edit_distance("kitten", "sitting", 2), 3U) << "beyond the limit";
    EXPECT_EQ(edit_distance("", "abc", 9), 3U);
}

} // namespace
} // namespace mr::voice
