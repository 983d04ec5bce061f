// The question table (questions.txt): every question runs through the whole pipeline on the demo
// company and is answered with the right projects, tools and figures. The figures are computed by
// reference SQL that stands in the table, written independently of the query writer.
#include "tests/unit/worker_pipeline_support.h"
#include "worker/data/demo_database.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <ostream>
#include <set>
#include <sstream>

namespace mr::test {
namespace {

struct QuestionRow {
    std::string question;
    std::vector<std::string> before; // questions of the same conversation
    std::optional<std::set<std::string>> projects;
    std::optional<std::set<std::string>> tools;
    std::vector<std::string> references; // SQL whose cells must all appear in the answer
    std::vector<std::string> facts;      // must appear
    std::vector<std::string> absent;     // must not
    std::optional<bool> chart;
    int line = 0;
};

void PrintTo(const QuestionRow& row, std::ostream* out) {
    *out << "questions.txt:" << row.line << ": " << row.question;
}

std::set<std::string> split_set(const std::string& list) {
    std::set<std::string> parts;
    std::stringstream stream(list);
    for (std::string part; std::getline(stream, part, ';');) {
        const auto first = part.find_first_not_of(' ');
        if (first != std::string::npos) {
            parts.insert(part.substr(first, part.find_last_not_of(' ') - first + 1));
        }
    }
    return parts;
}

std::filesystem::path table_file() {
    return MR_QUESTIONS_FILE;
}

void read_line(QuestionRow& row, const std::string& key, const std::string& value) {
    if (key == "Q") {
        row.question = value;
    } else if (key == "before") {
        row.before.push_back(value);
    } else if (key == "projects") {
        row.projects = split_set(value);
    } else if (key == "tools") {
        row.tools = split_set(value);
    } else if (key == "sql") {
        row.references.push_back(value);
    } else if (key == "fact") {
        row.facts.push_back(value);
    } else if (key == "absent") {
        row.absent.push_back(value);
    } else if (key == "chart") {
        row.chart = value == "yes";
    } else {
        throw std::runtime_error("questions.txt: unknown key " + key);
    }
}

std::vector<QuestionRow> read_table() {
    std::ifstream file(table_file());
    std::vector<QuestionRow> rows;
    QuestionRow row;
    int number = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        if (line.empty()) {
            if (!row.question.empty()) {
                rows.push_back(std::exchange(row, QuestionRow{}));
            }
            continue;
        }
        if (line.front() == '#') {
            continue;
        }
        const auto colon = line.find(": ");
        const std::string key = line.substr(0, colon == std::string::npos ? line.find(':') : colon);
        read_line(row, key, colon == std::string::npos ? "" : line.substr(colon + 2));
        row.line = row.line == 0 ? number : row.line;
    }
    if (!row.question.empty()) {
        rows.push_back(row);
    }
    return rows;
}

std::string with_commas(std::int64_t number) {
    std::string digits = std::to_string(std::abs(number));
    for (std::size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return (number < 0 ? "-" : "") + digits;
}

// The forms in which a value may stand in an answer.
std::vector<std::string> forms(const sqlite::Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        if (*number < 0) {
            return {"-$" + with_commas(-*number), with_commas(*number)};
        }
        return {with_commas(*number)};
    }
    if (const auto* real = std::get_if<double>(&value)) {
        std::array<char, 64> tenth{};
        std::snprintf(tenth.data(), tenth.size(), "%.1f", *real);
        return {with_commas(std::llround(*real)), tenth.data()};
    }
    if (const auto* text = std::get_if<std::string>(&value)) {
        return {*text};
    }
    return {"–"};
}

// Markdown escapes do not change what a reader sees.
std::string as_read(const std::string& answer) {
    std::string text;
    for (std::size_t i = 0; i < answer.size(); ++i) {
        if (answer[i] == '\\' && i + 1 < answer.size()) {
            ++i;
        }
        text += answer[i];
    }
    return text;
}

Services& shared_services() {
    static const std::unique_ptr<Services> services = demo_services();
    return *services;
}

// Asks the questions of one conversation; the last one's host and result are kept.
struct Conversation {
    RecordingHost host;
    Ran ran;

    explicit Conversation(const QuestionRow& row, bool with_memory) {
        std::vector<HistoryMessage> history;
        std::vector<std::string> questions = row.before;
        questions.push_back(row.question);
        for (const std::string& question : questions) {
            host = RecordingHost{};
            TurnRequest request = ask(question);
            request.history = history;
            ran = run(std::move(request), shared_services(), host);
            history.push_back({"user", question, nullptr});
            history.push_back(
                {"assistant", host.answer, with_memory ? ran.result.memory : nlohmann::json()});
        }
    }
};

void check_figures(const QuestionRow& row, const std::string& answer) {
    sqlite::Database database = open_demo_database(demo_directory() / "demo.db").connect();
    for (const std::string& sql : row.references) {
        auto rows = database.prepare(sql);
        int count = 0;
        while (rows.step()) {
            ++count;
            for (int i = 0; i < rows.column_count(); ++i) {
                const auto wanted = forms(rows.value(i));
                const bool there =
                    std::any_of(wanted.begin(), wanted.end(), [&](const std::string& form) {
                        return answer.find(form) != std::string::npos;
                    });
                EXPECT_TRUE(there) << wanted.front() << " is missing, from " << sql;
            }
        }
        EXPECT_GT(count, 0) << "the reference gives no rows: " << sql;
    }
}

class Questions : public testing::TestWithParam<QuestionRow> {};

TEST_P(Questions, IsAnswered) {
    const QuestionRow& row = GetParam();
    for (const bool with_memory : {true, false}) {
        SCOPED_TRACE(with_memory ? "with the turn's memory" : "with plain history");
        if (!with_memory && row.before.empty()) {
            continue;
        }
        const Conversation conversation(row, with_memory);
        ASSERT_EQ(conversation.ran.error, nullptr);
        const RecordingHost& host = conversation.host;
        EXPECT_EQ(wire_violations(host), std::vector<std::string>{});
        const std::string answer = as_read(host.answer);
        SCOPED_TRACE("answer: " + answer);
        if (row.projects) {
            const auto names = host.data_of_phase("project_resolution")["projects"];
            EXPECT_EQ(names.get<std::set<std::string>>(), *row.projects);
        }
        if (row.tools) {
            const auto tools = host.data_of_phase("routing")["tools"];
            EXPECT_EQ(tools.get<std::set<std::string>>(), *row.tools);
        }
        if (row.chart) {
            EXPECT_EQ(!host.of_type("chart").empty(), *row.chart);
        }
        check_figures(row, answer);
        for (const std::string& fact : row.facts) {
            EXPECT_NE(answer.find(fact), std::string::npos) << fact << " is missing";
        }
        for (const std::string& absent : row.absent) {
            EXPECT_EQ(answer.find(absent), std::string::npos) << absent << " should not be there";
        }
        for (const Recorded& tool : host.of_type("tool_complete")) {
            EXPECT_EQ(tool.added["status"], "ok") << tool.v1.dump();
        }
    }
}

std::string test_name(const testing::TestParamInfo<QuestionRow>& info) {
    std::string name = "L" + std::to_string(info.param.line);
    for (const char c : info.param.question) {
        const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
        if (letter && name.size() < 60) {
            name += c;
        }
    }
    return name;
}

INSTANTIATE_TEST_SUITE_P(Table, Questions, testing::ValuesIn(read_table()), test_name);

TEST(QuestionTable, IsAsLargeAndVariedAsPromised) {
    const std::vector<QuestionRow> rows = read_table();
    std::set<std::string> questions;
    std::size_t follow_ups = 0;
    for (const QuestionRow& row : rows) {
        questions.insert(row.question);
        follow_ups += row.before.empty() ? 0U : 1U;
        EXPECT_TRUE(!row.references.empty() || !row.facts.empty()) << row.question;
    }
    EXPECT_GE(questions.size(), 80U);
    EXPECT_GE(follow_ups, 10U);
}

} // namespace
} // namespace mr::test
