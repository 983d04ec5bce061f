// What is spoken of an answer: how numbers, money, dates, units and ids are worded, where clauses
// end, that markup is never spoken, and that the pieces in which a text streams make no difference.
#include "worker/voice/speech_text/clause_cutter.h"
#include "worker/voice/speech_text/speakable.h"
#include "worker/voice/synthesiser.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace mr::voice {
namespace {

struct Row {
    const char* written;
    const char* said;
};

constexpr Row kWordings[] = {
    {"$1,234.50", "one thousand two hundred thirty four dollars and fifty cents"},
    {"$42k", "forty two thousand dollars"},
    {"$1.2M", "one point two million dollars"},
    {"$1.5 million", "one point five million dollars"},
    {"$3bn", "three billion dollars"},
    {"$1", "one dollar"},
    {"$1.01", "one dollar and one cent"},
    {"$0.50", "fifty cents"},
    {"$2.00", "two dollars"},
    {"$0", "zero dollars"},
    {"$2.5", "two point five dollars"},
    {"US$7", "seven dollars"},
    {"€3,000", "three thousand euros"},
    {"€1", "one euro"},
    {"£0.01", "one penny"},
    {"£12.30", "twelve pounds and thirty pence"},
    {"-$500", "minus five hundred dollars"},
    {"$42k-$50k", "forty two thousand dollars to fifty thousand dollars"},
    {"$42k–$50k", "forty two thousand dollars to fifty thousand dollars"},
    {"$3.25/sq ft", "three dollars and twenty five cents per square foot"},
    {"$2.5k/mo", "two point five thousand dollars per month"},
    {"$90 per hr", "ninety dollars per hour"},
    {"(paid $5)", "paid five dollars"},
    {"~$50", "about fifty dollars"},
    {"12.5%", "twelve point five percent"},
    {"100%", "one hundred percent"},
    {"-3%", "minus three percent"},
    {"5-10%", "five to ten percent"},
    {"5–10 days", "five to ten days"},
    {"2026-03-04", "March fourth, twenty twenty six"},
    {"2025-12-31", "December thirty first, twenty twenty five"},
    {"3/4/2026", "March fourth, twenty twenty six"},
    {"12/31/25", "December thirty first, twenty twenty five"},
    {"Sept. 5, 2026", "September fifth, twenty twenty six"},
    {"Sept. 5", "September fifth"},
    {"Sep 5", "September fifth"},
    {"March 4th", "March fourth"},
    {"March 4", "March fourth"},
    {"Jan. 22nd, 2024", "January twenty second, twenty twenty four"},
    {"June 2026", "June twenty twenty six"},
    {"May I", "May I"},
    {"in 2026", "in twenty twenty six"},
    {"since 1995", "since nineteen ninety five"},
    {"in 2005", "in two thousand five"},
    {"in 1900", "in nineteen hundred"},
    {"in 2000", "in two thousand"},
    {"in 1906", "in nineteen oh six"},
    {"2026 invoices", "two thousand twenty six invoices"},
    {"Q3 2026", "Q three twenty twenty six"},
    {"10:30", "ten thirty"},
    {"10:05", "ten oh five"},
    {"9:00", "nine o'clock"},
    {"9:00 AM", "nine A M"},
    {"9:15pm", "nine fifteen P M"},
    {"14:00", "fourteen hundred"},
    {"1,200 sq. ft.", "one thousand two hundred square feet"},
    {"1,200 sq ft of roof", "one thousand two hundred square feet of roof"},
    {"1 sq ft", "one square foot"},
    {"850 SF", "eight hundred fifty square feet"},
    {"3 ft²", "three square feet"},
    {"3 m²", "three square meters"},
    {"per sq ft", "per square foot"},
    {"5 ft", "five feet"},
    {"1 ft", "one foot"},
    {"6 in. of snow", "six inches of snow"},
    {"450 kWh", "four hundred fifty kilowatt hours"},
    {"7.5 kW", "seven point five kilowatts"},
    {"3 lbs", "three pounds"},
    {"2 hrs", "two hours"},
    {"1 hr", "one hour"},
    {"30 min", "thirty minutes"},
    {"12/yr", "twelve per year"},
    {"98.6°F", "ninety eight point six degrees Fahrenheit"},
    {"60 mph", "sixty miles per hour"},
    {"1st", "first"},
    {"2nd", "second"},
    {"3rd", "third"},
    {"5th", "fifth"},
    {"8th", "eighth"},
    {"9th", "ninth"},
    {"12th", "twelfth"},
    {"20th", "twentieth"},
    {"21st", "twenty first"},
    {"100th", "one hundredth"},
    {"INV-1042", "I N V one zero four two"},
    {"PO-77", "P O seven seven"},
    {"B12", "B one two"},
    {"CO-2024-003", "C O two zero two four zero zero three"},
    {"HVAC", "H V A C"},
    {"LLC", "L L C"},
    {"RFI", "R F I"},
    {"OSHA", "OSHA"},
    {"TOTAL", "TOTAL"},
    {"R&D", "R and D"},
    {"Smith & Sons", "Smith and Sons"},
    {"and/or", "and or"},
    {"#5", "number five"},
    {"~50", "about fifty"},
    {"< 10", "less than ten"},
    {"> 10", "more than ten"},
    {"≥ 10", "at least ten"},
    {"555-123-4567", "five five five, one two three, four five six seven"},
    {"555-1234", "five five five, one two three four"},
    {"1/2", "one half"},
    {"24/7", "twenty four slash seven"},
    {"0", "zero"},
    {"007", "zero zero seven"},
    {"13", "thirteen"},
    {"110", "one hundred ten"},
    {"1,000,000", "one million"},
    {"1,234,567,890",
     "one billion two hundred thirty four million five hundred sixty seven thousand "
     "eight hundred ninety"},
    {"12345678", "one two three four five six seven eight"},
    {"3.14159", "three point one four one five nine"},
    {"1.2M", "one point two million"},
    {"42k", "forty two thousand"},
    {"2 million sq ft", "two million square feet"},
    {"It's \"fine\", isn't it?", "It's fine, isn't it?"},
    {"It’s “fine”", "It's fine"},
    {"Total: $5 (paid).", "Total: five dollars, paid."},
    {"month-to-month", "month to month"},
    {"café naïve", "café naïve"},
    {"**bold** _x_ `y` | z", "bold x y z"},
    {"a — b", "a, b"},
    {"wait…", "wait."},
    {"  ", ""},
    {"***", ""},
    {"- , .", ""},
};

TEST(SpeechText, ThingsAreWordedForTheEar) {
    static_assert(std::size(kWordings) >= 100);
    for (const Row& row : kWordings) {
        EXPECT_EQ(speakable(row.written), row.said) << row.written;
    }
}

std::vector<Clause> clauses_of(const std::vector<std::string>& pieces, ClauseOptions options = {}) {
    ClauseCutter cutter(options);
    std::vector<Clause> all;
    const auto take = [&] {
        while (auto clause = cutter.next()) {
            all.push_back(std::move(*clause));
        }
    };
    for (const std::string& piece : pieces) {
        cutter.add(piece);
        take();
    }
    cutter.end();
    take();
    return all;
}

std::vector<std::string> captions(const std::string& text, ClauseOptions options = {}) {
    std::vector<std::string> out;
    for (const Clause& clause : clauses_of({text}, options)) {
        out.push_back(clause.caption);
    }
    return out;
}

using Texts = std::vector<std::string>;

TEST(ClauseCutter, TheFirstClauseComesEarlyAndThenSentences) {
    EXPECT_EQ(
        captions("Bayside Tower has two open invoices, both of them late. The older one, from "
                 "March, is the larger. Call them."),
        (Texts{"Bayside Tower has two open invoices,", "both of them late.",
               "The older one, from March, is the larger.", "Call them."}));
    EXPECT_EQ(captions("Yes. There are five of them."), (Texts{"Yes. There are five of them."}));
}

TEST(ClauseCutter, AFullStopInsideASentenceEndsNone) {
    EXPECT_EQ(
        captions("The total for the project is $1,234.50 as of Sept. 5, 2026 for 1,200 sq. ft. "
                 "of roof by Mr. J. Smith of Acme Inc. in St. Paul. See No. 5, e.g. the deck "
                 "vs. the roof. It is No. That was 5 p.m. Later it rained."),
        (Texts{"The total for the project is $1,234.50 as of Sept. 5, 2026 for 1,200 sq. ft. of "
               "roof by Mr. J. Smith of Acme Inc. in St. Paul.",
               "See No. 5, e.g. the deck vs. the roof.", "It is No.", "That was 5 p.m.",
               "Later it rained."}));
}

TEST(ClauseCutter, MarkupIsNotSpoken) {
    EXPECT_EQ(
        captions("## Summary of invoices\n\n**Bayside** owes *much* [1][2] to [Acme](http://a.b/"
                 "c_(d)). See https://x.y/z?q=1, now.\n- one `INV-1`\n- two_three ~~old~~\n1. "
                 "first\n2. second\n> quoted &amp; said <br> here\n---\nEnd [^3]."),
        (Texts{"Summary of invoices", "Bayside owes much to Acme.", "See , now.", "one INV-1",
               "two three old", "1, first", "2, second quoted & said here", "End ."}));
}

TEST(ClauseCutter, TablesAndCodeAreMentionedOrLeftOut) {
    const std::string text =
        "Here are the open invoices:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nThat "
        "is all.\n```sql\nSELECT 1;\n\n| x |\n```\nDone.";
    EXPECT_EQ(captions(text), (Texts{"Here are the open invoices:", "See the table.",
                                     "That is all.", "See the code.", "Done."}));
    EXPECT_EQ(captions(text, ClauseOptions{false}),
              (Texts{"Here are the open invoices:", "That is all.", "Done."}));
    EXPECT_EQ(captions("```\nnever closed. Never spoken.", ClauseOptions{false}), Texts{});
}

TEST(ClauseCutter, AClauseKnowsWhereItComesFrom) {
    const std::string text = "**Bayside Tower é owes $5.** Then [1] more.\n\n- item";
    const std::vector<Clause> all = clauses_of({text});
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(text.substr(all[0].begin, all[0].end - all[0].begin), "Bayside Tower é owes $5.**");
    EXPECT_EQ(text.substr(all[1].begin, all[1].end - all[1].begin), "Then [1] more.");
    EXPECT_EQ(text.substr(all[2].begin, all[2].end - all[2].begin), "item");
}

TEST(ClauseCutter, WhatHasNoEndIsCutBetweenWords) {
    std::string text;
    for (int i = 0; i < 400; ++i) {
        text += i % 3 == 0 ? "$1,234,567.89 " : "word ";
    }
    const std::vector<Clause> all = clauses_of({text});
    EXPECT_GT(all.size(), 5u);
    std::string joined;
    for (const Clause& clause : all) {
        EXPECT_LE(clause.spoken.size(), kMaxSegmentBytes);
        joined += clause.caption + " ";
    }
    EXPECT_EQ(joined, text);
    for (const Clause& clause : clauses_of({std::string(3'000, 'x')})) {
        EXPECT_LE(clause.spoken.size(), kMaxSegmentBytes);
    }
}

TEST(ClauseCutter, ALongTextAtOnceIsCutLikeAnyOther) {
    std::string text;
    for (int i = 0; i < 4'000; ++i) {
        text += "The deck is done. ";
    }
    EXPECT_EQ(clauses_of({text}).size(), 3'999u); // the first one has two sentences
}

TEST(ClauseCutter, AFirstClauseIsThereBeforeItsSentenceHasEnded) {
    ClauseCutter cutter;
    cutter.add("Bayside Tower has two open invoices, b");
    const auto clause = cutter.next();
    ASSERT_TRUE(clause);
    EXPECT_EQ(clause->caption, "Bayside Tower has two open invoices,");
    EXPECT_FALSE(cutter.next());
}

// Made of what is hard: markup, numbers, several scripts, in any order.
std::string random_text(std::mt19937& random) {
    static const std::vector<std::string> kParts{"word ",
                                                 "Bayside Tower ",
                                                 ". ",
                                                 ", ",
                                                 "! ",
                                                 "… ",
                                                 " — ",
                                                 "é",
                                                 "漢字",
                                                 "😀",
                                                 "\n",
                                                 "\n\n",
                                                 "- ",
                                                 "1. ",
                                                 "2) ",
                                                 "# ",
                                                 "## Head\n",
                                                 "**",
                                                 "*",
                                                 "_",
                                                 "`",
                                                 "```\n",
                                                 "~~",
                                                 "~5",
                                                 "#5 ",
                                                 "| a | b |\n",
                                                 "|---|\n",
                                                 "---\n",
                                                 "[1]",
                                                 "[2, 3]",
                                                 "[label](http://x.y/(z))",
                                                 "[open",
                                                 "](",
                                                 "https://a.b/c.",
                                                 "www.x.y ",
                                                 "<b>",
                                                 "</b>",
                                                 "< 5",
                                                 "&amp;",
                                                 "&",
                                                 "$1,234.50 ",
                                                 "5 sq. ft. ",
                                                 "Sept. 5, 2026 ",
                                                 "Mr. ",
                                                 "J. ",
                                                 "No. 5",
                                                 "etc. ",
                                                 "\\*",
                                                 "\\",
                                                 "> ",
                                                 ">",
                                                 "\"",
                                                 ") ",
                                                 "(",
                                                 "“said.” ",
                                                 "【1†x】",
                                                 "【",
                                                 "\r\n",
                                                 "\t",
                                                 "\xC3",
                                                 "\x80",
                                                 "snake_case ",
                                                 "a longer run of words without any end to it ",
                                                 "===\n",
                                                 "h",
                                                 "http",
                                                 "w"};
    std::string text;
    for (size_t left = 1 + random() % 60; left > 0; --left) {
        text += kParts[random() % kParts.size()];
    }
    return text;
}

TEST(ClauseCutter, ThePiecesMakeNoDifferenceAndNoMarkupIsSpoken) {
    std::mt19937 random(7);
    for (int round = 0; round < 1'000; ++round) {
        const std::string text = random_text(random);
        const std::vector<Clause> whole = clauses_of({text});
        std::vector<std::string> pieces;
        for (size_t at = 0; at < text.size();) {
            const size_t size = round % 3 == 0 ? 1 : 1 + random() % 9;
            pieces.push_back(text.substr(at, size));
            at += size;
        }
        const std::vector<Clause> parts = clauses_of(pieces);
        ASSERT_EQ(parts.size(), whole.size()) << text;
        size_t before = 0;
        for (size_t i = 0; i < parts.size(); ++i) {
            EXPECT_EQ(parts[i].spoken, whole[i].spoken) << text;
            EXPECT_EQ(parts[i].caption, whole[i].caption) << text;
            EXPECT_EQ(parts[i].begin, whole[i].begin) << text;
            EXPECT_EQ(parts[i].end, whole[i].end) << text;
            EXPECT_EQ(parts[i].spoken.find_first_of("*_`#|~[]<>{}^\\\n\""), std::string::npos)
                << text;
            EXPECT_FALSE(parts[i].spoken.empty());
            EXPECT_LE(parts[i].spoken.size(), kMaxSegmentBytes);
            EXPECT_LE(before, parts[i].begin) << text;
            EXPECT_LE(parts[i].begin, parts[i].end) << text;
            EXPECT_LE(parts[i].end, text.size()) << text;
            before = parts[i].end;
        }
        if (HasFailure()) {
            return;
        }
    }
}

} // namespace
} // namespace mr::voice
