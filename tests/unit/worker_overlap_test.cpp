// What a model repeats of a text it is to continue does not reach the user.
#include "worker/providers/overlap.h"

#include <gtest/gtest.h>

namespace mr::test {
namespace {

const std::string kDelivered = "We have invoiced $4.2m on Harbor Point. Of that, $1.1m is still "
                               "open, most of it in two invoices.\n\nThe older one";

struct Case {
    const char* name;
    std::string delivered;
    std::string said;
    std::string shown;
};

const std::vector<Case> kCases = {
    {"nothing was delivered", "", "We have invoiced", "We have invoiced"},
    {"it goes on as told", kDelivered, " is from March.", " is from March."},
    {"it goes on in the middle of a word", "The Har", "bor Point tower", "bor Point tower"},
    {"it says all of it again", kDelivered, kDelivered + " is from March.", " is from March."},
    {"all of it behind a blank line", kDelivered, "\n\n" + kDelivered + " is.", " is."},
    {"it repeats the last paragraph", kDelivered, "The older one is from March.",
     " is from March."},
    {"it repeats the last sentences", kDelivered,
     "most of it in two invoices.\n\nThe older one is from March.", " is from March."},
    {"delivered ends with a blank", "We have invoiced nothing ", "We have invoiced nothing yet.",
     "yet."},
    {"delivered ends with a line", "First line, long enough\n",
     "First line, long enough\nSecond line", "Second line"},
    {"a short text said again", "Yes, on", "Yes, on Monday", " Monday"},
    {"too short to judge", "No", "No", "No"},
    {"a short accidental overlap stays", "bananas and bana", "na bread", "na bread"},
    {"an overlap below the bound stays", "it is in the report", "the report says",
     "the report says"},
    {"nothing but the whole", kDelivered, kDelivered, ""},
    {"nothing but a part", kDelivered, "Of that, $1.1m is still open, most", ""},
    {"nothing but a short part", kDelivered, "invoices.", "invoices."},
    {"it starts over and departs within a sentence", kDelivered,
     "We have invoiced $4.2m on Harbor Point. Of that, $1.1m has not been paid.",
     "\n\nOf that, $1.1m has not been paid."},
    {"it starts over and departs in the first sentence",
     "The inspection of the north facade has shown three",
     "The inspection of the north facade has shown no defects.",
     "\n\nThe inspection of the north facade has shown no defects."},
    {"it begins alike by chance", kDelivered, "We have nothing to add.", "We have nothing to add."},
    {"the longest overlap counts", "abcabcabcabc abcabcabcabc", "abcabcabcabc abcabcabcabc!", "!"},
    {"several code points", "Größe: 3 Stück à 5 €, gesamt", "Größe: 3 Stück à 5 €, gesamt 15 €.",
     " 15 €."},
    {"white space only", kDelivered, " \n", ""},
    {"nothing", kDelivered, "", ""},
};

// In pieces of `step` code points.
std::string shown(const Case& one, std::size_t step) {
    OverlapCut cut(one.delivered);
    std::string out;
    std::size_t begin = 0;
    while (begin < one.said.size()) {
        std::size_t end = begin;
        for (std::size_t count = 0; count < step && end < one.said.size(); ++count) {
            do {
                ++end;
            } while (end < one.said.size() &&
                     (static_cast<unsigned char>(one.said[end]) & 0xC0U) == 0x80U);
        }
        out += cut.feed(std::string_view(one.said).substr(begin, end - begin));
        begin = end;
    }
    return out + cut.finish();
}

TEST(Overlap, IsCutHoweverTheTextComes) {
    for (const Case& one : kCases) {
        for (std::size_t step = 1; step <= one.said.size() + 1; ++step) {
            ASSERT_EQ(shown(one, step), one.shown) << one.name << ", " << step << " at a time";
        }
    }
}

TEST(Overlap, DoesNotHoldBackWhatIsNew) {
    OverlapCut cut(kDelivered);
    EXPECT_EQ(cut.feed(" is"), "") << "it says \"is still\" somewhere";
    EXPECT_EQ(cut.feed(" from"), " is from");
    EXPECT_EQ(cut.feed(kDelivered), kDelivered) << "only the beginning is looked at";
}

// Every way to cut a long text: its first part delivered, the second said with any overlap.
TEST(Overlap, PutsATextTogetherFromAnyTwoParts) {
    std::string text;
    for (int i = 0; i < 40; ++i) {
        text += "Row " + std::to_string(i * i) + " has " + std::to_string(i % 7) + " items. ";
    }
    for (std::size_t at = 20; at < text.size(); at += 7) {
        for (std::size_t back = 16; back <= at; back += 61) {
            const Case one{"", text.substr(0, at), text.substr(at - back), ""};
            EXPECT_EQ(one.delivered + shown(one, 5), text) << at << " " << back;
        }
        const Case all{"", text.substr(0, at), text, ""};
        EXPECT_EQ(all.delivered + shown(all, 3), text) << at;
    }
}

// Its cost is bounded, also where everything fits everywhere.
TEST(Overlap, TakesPeriodicTexts) {
    const std::string delivered(200'000, 'a');
    const Case one{"", delivered, std::string(200'000, 'a') + "b", "b"};
    EXPECT_EQ(shown(one, 1000), one.shown);
}

} // namespace
} // namespace mr::test
