// The parts that read questions: words, likeness of names, times, amounts, names of projects.
#include "tests/unit/worker_pipeline_support.h"
#include "worker/data/demo_database.h"
#include "worker/providers/local/amounts.h"
#include "worker/providers/local/annotate.h"
#include "worker/providers/local/format.h"
#include "worker/providers/local/intent_parser.h"
#include "worker/providers/local/time_range.h"

#include <gtest/gtest.h>

namespace mr::local {
namespace {

constexpr std::string_view kToday = "2026-06-30";

const Vocabulary& vocabulary() {
    static const Vocabulary loaded = [] {
        sqlite::Database database =
            open_demo_database(mr::test::demo_directory() / "demo.db").connect();
        return load_vocabulary(database);
    }();
    return loaded;
}

TEST(LanguageWords, AreSplitFoldedAndStemmed) {
    std::vector<std::string> texts;
    for (const Word& word : split_words("Müller's “MR-24-001” cost $1,200.50 — 50% of St. Élan?")) {
        texts.push_back(word.text);
    }
    EXPECT_EQ(texts, (std::vector<std::string>{"muller", "mr-24-001", "cost", "$1,200.50", "50%",
                                               "of", "st", "elan"}));
    EXPECT_EQ(stem_of("invoices"), "invoice");
    EXPECT_EQ(stem_of("cities"), "city");
    EXPECT_EQ(stem_of("status"), "status");
    EXPECT_EQ(stem_of("glass"), "glass");
    EXPECT_EQ(split_words(std::string(100'000, ' ') + "x").size(), 1U);
}

TEST(LanguageWords, EveryByteSequenceIsRead) {
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        bytes += static_cast<char>(i);
        split_words(bytes);
        split_words(std::string("\xC3") + static_cast<char>(i));
        split_words(std::string("\xE2\x80") + static_cast<char>(i));
    }
}

TEST(LanguageLikeness, KeepsNeighboursApartAndSlipsTogether) {
    EXPECT_EQ(edit_distance("point", "pont", 2), 1U);
    EXPECT_EQ(edit_distance("abcd", "abdc", 2), 1U) << "neighbours swapped";
    EXPECT_EQ(edit_distance("point", "court", 2), 3U) << "limit + 1";
    EXPECT_GT(name_likeness("harbr pont", "Harbor Point"), 0.9);
    EXPECT_GT(name_likeness("Salt Marsh Boardwalk", "Saltmarsh Boardwalk"), 0.9);
    EXPECT_LT(name_likeness("Harbor Point", "Harbor Court"), 0.84);
    EXPECT_LT(name_likeness("Maple Street School", "Maple Grove Apartments"), 0.84);
    EXPECT_LT(name_likeness("Neptune Tower", "Aurora Tower"), 0.84);
    EXPECT_EQ(name_likeness("MR-24-001", "MR-24-002"), 0.0) << "another number is another thing";
}

struct TimeCase {
    std::string_view text;
    std::string_view from;
    std::string_view to;
};

TEST(LanguageTimes, AreReadRelativeToTheDataOfToday) {
    const std::vector<TimeCase> cases = {
        {"in 2025", "2025-01-01", "2026-01-01"},
        {"last year", "2025-01-01", "2026-01-01"},
        {"this year", "2026-01-01", "2027-01-01"},
        {"year to date", "2026-01-01", "2027-01-01"},
        {"two years ago", "2024-01-01", "2025-01-01"},
        {"Q2 2025", "2025-04-01", "2025-07-01"},
        {"in the second quarter of 2025", "2025-04-01", "2025-07-01"},
        {"this quarter", "2026-04-01", "2026-07-01"},
        {"last quarter", "2026-01-01", "2026-04-01"},
        {"next quarter", "2026-07-01", "2026-10-01"},
        {"H1 2024", "2024-01-01", "2024-07-01"},
        {"first half of last year", "2025-01-01", "2025-07-01"},
        {"in March", "2026-03-01", "2026-04-01"},
        {"in October", "2025-10-01", "2025-11-01"},
        {"December 2024", "2024-12-01", "2025-01-01"},
        {"in May 2025", "2025-05-01", "2025-06-01"},
        {"last month", "2026-05-01", "2026-06-01"},
        {"since March 2025", "2025-03-01", ""},
        {"since 2024", "2024-01-01", ""},
        {"after 2024", "2025-01-01", ""},
        {"before June 2025", "", "2025-06-01"},
        {"until the end of 2024", "", "2025-01-01"},
        {"between March and May 2025", "2025-03-01", "2025-06-01"},
        {"from Q1 2024 to Q2 2025", "2024-01-01", "2025-07-01"},
        {"between 2022 and 2024", "2022-01-01", "2025-01-01"},
        {"2023-2025", "2023-01-01", "2026-01-01"},
        {"over the last 6 months", "2025-12-31", "2026-07-01"},
        {"past 90 days", "2026-04-02", "2026-07-01"},
        {"the last two years", "2024-07-01", "2026-07-01"},
        {"on 2025-03-05", "2025-03-05", "2025-03-06"},
        {"on March 5, 2025", "2025-03-05", "2025-03-06"},
    };
    for (const TimeCase& one : cases) {
        const auto times = find_times(split_words(one.text), kToday);
        ASSERT_EQ(times.size(), 1U) << one.text;
        EXPECT_EQ(times[0].range.from, one.from) << one.text;
        EXPECT_EQ(times[0].range.to, one.to) << one.text;
        EXPECT_FALSE(times[0].range.label.empty());
    }
    for (const std::string_view none : {"may I ask", "a second opinion", "we march on", "by month",
                                        "5 projects", "q9 2025x", "the last 5 invoices"}) {
        const auto times = find_times(split_words(none), kToday);
        EXPECT_TRUE(times.empty()) << none;
    }
    EXPECT_EQ(find_times(split_words("2024 and 2025"), kToday).size(), 2U);
}

TEST(LanguageTimes, ShiftByAYear) {
    const auto shifted = [](std::string_view text) {
        return year_before(find_times(split_words(text), kToday).at(0).range, kToday);
    };
    EXPECT_EQ(shifted("Q2 2025").from, "2024-04-01");
    EXPECT_EQ(shifted("Q2 2025").label, "in Q2 2024");
    EXPECT_EQ(shifted("in 2025").label, "in 2024");
}

TEST(LanguageAmounts, BoundsAreReadWithTheirScale) {
    struct Case {
        std::string_view text;
        std::string_view op;
        double value;
    };
    for (const Case& one : std::vector<Case>{
             {"over $1.5m", ">", 1.5e6},
             {"above 250k", ">", 250e3},
             {"more than 2 million dollars", ">", 2e6},
             {"at least 500,000", ">=", 500e3},
             {"under $80 million", "<", 80e6},
             {"no more than three", "<=", 3},
             {"below 3", "<", 3},
             {"exceeding 1 billion", ">", 1e9},
         }) {
        const auto words = split_words(one.text);
        const auto bounds = find_bounds(words, std::vector<bool>(words.size(), false));
        ASSERT_EQ(bounds.size(), 1U) << one.text;
        EXPECT_EQ(bounds[0].op, one.op) << one.text;
        EXPECT_DOUBLE_EQ(bounds[0].value, one.value) << one.text;
    }
    const auto words = split_words("between 1 and 2 million");
    const auto both = find_bounds(words, std::vector<bool>(words.size(), false));
    ASSERT_EQ(both.size(), 2U);
    EXPECT_DOUBLE_EQ(both[0].value, 1e6);
    EXPECT_DOUBLE_EQ(both[1].value, 2e6);
}

TEST(LanguageProjects, AreFoundUnderAllTheirNames) {
    struct Case {
        std::string_view text;
        std::string_view project;
    };
    for (const Case& one : std::vector<Case>{
             {"what about Harbor Point?", "Harbor Point"},
             {"harbour point", "Harbor Point"},
             {"Harber Point", "Harbor Point"},
             {"harborpoint", "Harbor Point"},
             {"invoiced on HP", "Harbor Point"},
             {"MR-23-009", "Harbor Point"},
             {"the waterfront towers", "Harbor Point"},
             {"the courthouse", "Stonebridge Courthouse"},
             {"Stonebrige Courthouse", "Stonebridge Courthouse"},
             {"Fairhavn Middle School", "Fairhaven Middle School"},
             {"Granit Falls", "Granite Falls Data Center"},
             {"Sycamor Substation", "Sycamore Substation"},
             {"Quary Lane", "Quarry Lane Parking Garage"},
             {"Juniperhouse", "Juniper House"},
             {"the Larkspur project", "Larkspur Surgery Center"},
             {"Maple St School", "Maple Street School"},
             {"the ice arena", "Orchard Park Ice Arena"},
         }) {
        const Reading reading = read_question(one.text, vocabulary());
        std::string name;
        for (const Span& span : reading.spans) {
            if (span.project) {
                name = reading.surface(span.first, span.last);
            }
        }
        ASSERT_FALSE(name.empty()) << one.text;
        const auto found = find_projects(name, vocabulary());
        ASSERT_FALSE(found.empty()) << name;
        EXPECT_EQ(vocabulary().projects[found[0].project].name, one.project) << one.text;
        EXPECT_GE(found[0].score, 0.84) << one.text;
    }
    for (const std::string_view none :
         {"how much have we invoiced", "hp printers", "list the active projects",
          "the bridge loan was refused", "compare this year with last year"}) {
        const Reading reading = read_question(none, vocabulary());
        for (const Span& span : reading.spans) {
            EXPECT_FALSE(span.project && none.find("bridge") == std::string_view::npos) << none;
        }
    }
}

TEST(LanguageProjects, StrangersAreNotTakenForOurs) {
    for (const std::string_view name : {"Silver Lake Tower", "Harbor Heights", "Project Phoenix",
                                        "Point", "School", "Tower", "the project", "", "?"}) {
        const auto found = find_projects(name, vocabulary());
        EXPECT_TRUE(found.empty() || found[0].score < 0.84) << name;
    }
    const auto harbor = find_projects("Harbor", vocabulary());
    ASSERT_GE(harbor.size(), 2U);
    EXPECT_DOUBLE_EQ(harbor[0].score, harbor[1].score) << "both are meant";
}

TEST(LanguageIntent, ParaphrasesMeanTheSame) {
    const std::vector<std::vector<std::string_view>> groups = {
        {"How much have we invoiced?", "Total invoiced", "What have we billed so far?",
         "our billings", "How much was invoiced in all?"},
        {"What is overdue?", "How much is past due?", "Total overdue amount", "overdue balance"},
        {"How much do we owe vendors?", "What do we owe subcontractors?", "accounts payable",
         "How much is owed to vendors?"},
        {"How many projects are active?", "number of active projects", "count of ongoing projects",
         "How many projects are currently running?"},
        {"Which invoices are overdue?", "List overdue invoices", "show me the invoices past due",
         "What are the overdue invoices?"},
        {"What's the average bid?", "mean bid", "How much is a bid on average?"},
        {"crew hours in 2025", "How many hours did our crews work in 2025?",
         "man hours worked last year"},
        {"Which client owes us the most?", "Who is the client with the highest open balance?",
         "client with the largest outstanding amount"},
    };
    const Conversation none;
    for (const auto& group : groups) {
        const QueryIntent first = understand(group.front(), none, vocabulary()).query;
        ASSERT_FALSE(first.empty()) << group.front();
        for (const std::string_view text : group) {
            const QueryIntent intent = understand(text, none, vocabulary()).query;
            EXPECT_EQ(intent.mode, first.mode) << text;
            EXPECT_EQ(intent.metrics, first.metrics) << text;
            EXPECT_EQ(intent.subject, first.subject) << text;
            EXPECT_EQ(intent.groups, first.groups) << text;
            EXPECT_EQ(intent.filters, first.filters) << text;
            EXPECT_EQ(intent.order, first.order) << text;
            ASSERT_EQ(intent.times.size(), first.times.size()) << text;
        }
    }
}

TEST(LanguageFormat, NumbersAndDates) {
    EXPECT_EQ(money_text(45368414), "$45,368,414");
    EXPECT_EQ(money_text(-500), "-$500");
    EXPECT_EQ(money_text(-0.2), "$0");
    EXPECT_EQ(count_text(1234.56), "1,234.6");
    EXPECT_EQ(percent_text(50), "50%");
    EXPECT_EQ(percent_text(-49.56), "-49.6%");
    EXPECT_EQ(date_text("2026-06-30"), "June 30, 2026");
    EXPECT_EQ(date_text("never"), "never");
    EXPECT_EQ(table_cell("a|b\nc", "text"), "a\\|b c");
    EXPECT_EQ(markdown_text("*[x](javascript:alert(1))*"), "\\*\\[x\\](javascript:alert(1))\\*");
}

} // namespace
} // namespace mr::local
