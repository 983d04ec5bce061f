// Rows become charts: as what they are drawn, and that both forms of a chart say the same.
#include "worker/tools/chart_plan.h"
#include "worker/tools/chart_spec.h"

#include <gtest/gtest.h>

#include <limits>

namespace mr::test {
namespace {

using nlohmann::json;
using Rows = std::vector<std::vector<json>>;

SqlTable table_of(std::vector<SqlColumn> columns, Rows rows) {
    SqlTable table;
    table.columns = std::move(columns);
    table.rows = std::move(rows);
    return table;
}

// So many rows of a label and a number.
SqlTable rows_of(const std::string& kind, std::size_t count, double first = 1) {
    Rows rows;
    for (std::size_t i = 0; i < count; ++i) {
        rows.push_back({"2026-" + std::to_string(10 + i), first + static_cast<double>(i)});
    }
    return table_of({{"label", kind}, {"amount", "money"}}, std::move(rows));
}

const SqlTable kSeries = table_of({{"month", "month"}, {"project", "text"}, {"amount", "money"}},
                                  {{"2026-01", "A", 1}, {"2026-01", "B", 2}, {"2026-02", "A", 3}});
const SqlTable kTwoMeasures =
    table_of({{"name", "text"}, {"invoiced", "money"}, {"hours", "count"}, {"open", "money"}},
             {{"A", 1, 5, 2}, {"B", 3, 6, 4}});
const SqlTable kIds = table_of({{"project_id", "id"}, {"amount", "money"}}, {{1, 10}, {2, 20}});
const SqlTable kOne = table_of({{"invoiced", "money"}}, {{1234.5}});
const SqlTable kOneNamed = table_of({{"name", "text"}, {"invoiced", "money"}}, {{"A", 1234.5}});
const SqlTable kOneOfTwo = table_of({{"a", "money"}, {"b", "money"}}, {{1, 2}});
const SqlTable kTexts = table_of({{"name", "text"}, {"date", "date"}}, {{"A", "2026-01-01"}});

struct Wanted {
    const char* name;
    SqlTable table;
    std::string wish;
    json view; // the neutral form
    std::string mark;
    json types; // of the channels
};

TEST(ChartSpec, AsWhatRowsAreDrawn) {
    const json named = {{"x", "label"}, {"y", {"amount"}}};
    const auto as = [&](const char* type) {
        json view = named;
        view["type"] = type;
        return view;
    };
    const json along = {{"x", "temporal"}, {"y", "quantitative"}};
    const json names = {{"x", "nominal"}, {"y", "quantitative"}};
    const json across = {{"x", "quantitative"}, {"y", "nominal"}};
    const json periods = {{"x", "ordinal"}, {"y", "quantitative"}};
    const json parts = {{"theta", "quantitative"}, {"color", "nominal"}};
    const json series = {{"x", "temporal"}, {"y", "quantitative"}, {"color", "nominal"}};
    const Wanted cases[] = {
        {"months", rows_of("month", 3), "", as("line"), "line", along},
        {"days", rows_of("date", 50), "", as("line"), "line", along},
        {"two months", rows_of("month", 2), "", as("bar"), "bar", periods},
        {"months as bars", rows_of("month", 9), "as bars", as("bar"), "bar", periods},
        {"area", rows_of("month", 3), "an area chart", as("area"), "area", along},
        {"no area over names", rows_of("text", 3), "an area chart", as("bar"), "bar", names},
        {"few years", rows_of("year", 6), "", as("bar"), "bar", periods},
        {"many years", rows_of("year", 7), "", as("line"), "line", periods},
        {"a trend", rows_of("quarter", 3), "the trend", as("line"), "line", periods},
        {"names", rows_of("text", 5), "", as("bar"), "bar", names},
        {"many names", rows_of("text", 6), "", as("bar"), "bar", across},
        {"pie", rows_of("text", 8), "a pie", as("pie"), "arc", parts},
        {"shares", rows_of("text", 3), "Share of each", as("pie"), "arc", parts},
        {"percentages", rows_of("text", 3), "in percent", as("pie"), "arc", parts},
        {"too many parts", rows_of("text", 9), "a pie", as("bar"), "bar", across},
        {"a part of nothing", rows_of("text", 3, 0), "a pie", as("bar"), "bar", names},
        {"a negative part", rows_of("text", 3, -1), "a pie", as("bar"), "bar", names},
        {"ids are names", kIds, "", json{{"type", "bar"}, {"x", "project_id"}, {"y", {"amount"}}},
         "bar", names},
        {"series", kSeries, "",
         json{{"type", "line"}, {"x", "month"}, {"y", {"amount"}}, {"series", "project"}}, "line",
         series},
        {"two measures", kTwoMeasures, "",
         json{{"type", "bar"}, {"x", "name"}, {"y", {"value"}}, {"series", "measure"}}, "bar",
         json{{"x", "nominal"}, {"y", "quantitative"}, {"color", "nominal"}}},
        {"one number", kOne, "", json{{"type", "kpi"}, {"y", {"invoiced"}}}, "text",
         json{{"text", "quantitative"}}},
        {"one named number", kOneNamed, "", json{{"type", "kpi"}, {"y", {"invoiced"}}}, "text",
         json{{"text", "quantitative"}}},
        {"two numbers", kOneOfTwo, "", json{{"type", "table"}, {"columns", {"a", "b"}}}, "text",
         json{{"x", "nominal"}, {"y", "ordinal"}, {"text", "nominal"}}},
        {"no number", kTexts, "a chart", json{{"type", "table"}, {"columns", {"name", "date"}}},
         "text", json{{"x", "nominal"}, {"y", "ordinal"}, {"text", "nominal"}}},
        {"asked for as a table", rows_of("text", 3), "as a table",
         json{{"type", "table"}, {"columns", {"label", "amount"}}}, "text",
         json{{"x", "nominal"}, {"y", "ordinal"}, {"text", "nominal"}}},
    };
    for (const Wanted& one : cases) {
        SCOPED_TRACE(one.name);
        const auto chart = make_chart(one.table, "Title", one.wish);
        ASSERT_TRUE(chart);
        EXPECT_EQ(chart->spec["usermeta"], one.view);
        EXPECT_EQ(chart->spec["mark"]["type"], one.mark);
        EXPECT_EQ(chart->spec["encoding"].size(),
                  one.types.size() + (one.mark == "bar" && one.view.contains("series") ? 1 : 0));
        for (const auto& [channel, type] : one.types.items()) {
            EXPECT_EQ(chart->spec["encoding"][channel]["type"], type) << channel;
        }
        EXPECT_EQ(chart->spec["title"], "Title");
        EXPECT_EQ(chart->spec["data"]["values"], chart->rows);
        const std::string type = one.view["type"];
        EXPECT_EQ(is_picture(*chart), type != "kpi" && type != "table");
    }
    EXPECT_FALSE(make_chart(SqlTable(), "", ""));
    EXPECT_FALSE(make_chart(table_of({{"a", "money"}}, {}), "", ""));
}

TEST(ChartSpec, NumbersAreNumbers) {
    const SqlTable table = table_of({{"name", "text"}, {"amount", "number"}},
                                    {{"a", "12.50"},
                                     {"b", "9007199254740993"},
                                     {"c", "NaN"},
                                     {"d", nullptr},
                                     {"e", "Infinity"},
                                     {"f", std::numeric_limits<double>::quiet_NaN()},
                                     {"g", -3},
                                     {"h", "1e3"},
                                     {"i", "12 EUR"}});
    const auto chart = make_chart(table, "", "");
    ASSERT_TRUE(chart);
    json numbers = json::array();
    for (const json& row : chart->rows) {
        numbers.push_back(row["amount"]);
    }
    EXPECT_EQ(numbers, json::array({12.5, 9007199254740993, nullptr, nullptr, nullptr, nullptr, -3,
                                    1000.0, nullptr}));
    const auto shown = make_chart(table, "", "as a table");
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->rows[2]["amount"], "NaN") << "a text in a table is a text";
    EXPECT_EQ(shown->rows[5]["amount"], nullptr);
}

TEST(ChartSpec, CutRowsAreSaid) {
    const auto note = [](const Chart& chart) { return chart.spec["usermeta"].value("note", ""); };
    const auto whole = make_chart(rows_of("text", 30), "T", "");
    EXPECT_EQ(whole->title, "T");
    EXPECT_EQ(note(*whole), "");
    const auto bars = make_chart(rows_of("text", 31), "T", "");
    EXPECT_EQ(bars->title, "T (first 30)");
    EXPECT_EQ(bars->spec["title"], bars->title);
    EXPECT_EQ(bars->rows.size(), kMaxBars);
    EXPECT_EQ(note(*bars), "The first 30 of 31 rows are shown.");
    const auto line = make_chart(rows_of("date", 201), "T", "");
    EXPECT_EQ(line->rows.size(), kMaxChartRows);
    EXPECT_EQ(line->title, "T (first 200)");
    SqlTable cut = rows_of("text", 5);
    cut.truncated = true;
    const auto source = make_chart(cut, "T", "");
    EXPECT_EQ(source->title, "T (first 5)");
    EXPECT_EQ(note(*source), "The first 5 of more than 5 rows are shown.");
}

TEST(ChartSpec, NamesThatVegaWouldTakeForPaths) {
    const SqlTable table =
        table_of({{"Projects[Co.de]", "text"}, {"it's \"x\"\\", "money"}}, {{"a", 1}, {"b", 2}});
    const auto chart = make_chart(table, "", "");
    ASSERT_TRUE(chart);
    EXPECT_EQ(chart->spec["encoding"]["x"]["field"], "Projects\\[Co\\.de\\]");
    EXPECT_EQ(chart->spec["encoding"]["y"]["field"], "it\\'s \\\"x\\\"\\\\");
    EXPECT_EQ(chart->spec["encoding"]["x"]["title"], "Projects[Co.de]");
    EXPECT_TRUE(chart->rows[0].contains("Projects[Co.de]"));
    EXPECT_EQ(chart->spec["usermeta"]["x"], "Projects[Co.de]");
    const auto shown = make_chart(table, "", "table");
    EXPECT_EQ(shown->spec["transform"][1]["fold"][0], "Projects\\[Co\\.de\\]");
    EXPECT_EQ(shown->spec["transform"][0]["window"][0]["op"], "row_number");
}

TEST(ChartSpec, TheVersionOfVegaLiteIsASetting) {
    EXPECT_EQ(make_chart(kIds, "", "")->spec["$schema"],
              "https://vega.github.io/schema/vega-lite/v6.json");
    const std::string_view older = "https://vega.github.io/schema/vega-lite/v5.json";
    EXPECT_EQ(make_chart(kIds, "", "", older)->spec["$schema"], older);
}

} // namespace
} // namespace mr::test
