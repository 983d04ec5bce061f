#include "worker/tools/chart_spec.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

namespace mr {
namespace {

constexpr std::string_view kSchemaUrl = "https://vega.github.io/schema/vega-lite/v5.json";

bool is_measure(const SqlColumn& column) {
    return column.kind == "money" || column.kind == "count" || column.kind == "number" ||
           column.kind == "percent";
}

bool is_time(const SqlColumn& column) {
    return column.kind == "month" || column.kind == "date" || column.kind == "quarter" ||
           column.kind == "year";
}

// Which columns carry the picture: a label, measures of one kind, and perhaps a series.
struct Plan {
    std::size_t label = 0;
    std::optional<std::size_t> series;
    std::vector<std::size_t> measures;
};

std::optional<Plan> plan_columns(const SqlTable& table) {
    if (table.rows.size() < 2 || table.columns.size() < 2) {
        return std::nullopt;
    }
    std::vector<std::size_t> labels;
    Plan plan;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        const SqlColumn& column = table.columns[i];
        if (!is_measure(column)) {
            if (column.kind != "id") {
                labels.push_back(i);
            }
        } else if (plan.measures.empty() ||
                   table.columns[plan.measures.front()].kind == column.kind) {
            plan.measures.push_back(i);
        }
    }
    if (labels.empty() || plan.measures.empty()) {
        return std::nullopt;
    }
    const auto time = std::find_if(labels.begin(), labels.end(),
                                   [&](std::size_t i) { return is_time(table.columns[i]); });
    plan.label = time != labels.end() ? *time : labels.front();
    for (const std::size_t i : labels) {
        if (i != plan.label && plan.measures.size() == 1 && labels.size() == 2) {
            plan.series = i;
        }
    }
    return plan;
}

bool mentions(std::string_view text, std::initializer_list<std::string_view> words) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        return lower.find(word) != std::string::npos;
    });
}

bool all_positive(const SqlTable& table, std::size_t column) {
    return std::all_of(table.rows.begin(), table.rows.end(), [&](const auto& row) {
        return row[column].is_number() && row[column].template get<double>() > 0;
    });
}

std::string_view choose_mark(const SqlTable& table, const Plan& plan, std::string_view wish) {
    const bool time = is_time(table.columns[plan.label]);
    if (mentions(wish, {"pie", "share", "proportion", "breakdown by percent"}) &&
        plan.measures.size() == 1 && !plan.series && table.rows.size() <= kMaxPieParts &&
        all_positive(table, plan.measures.front())) {
        return "arc";
    }
    if (mentions(wish, {"bar chart", "bar graph", "bars", "column chart"})) {
        return "bar";
    }
    if (time && (table.rows.size() > 6 || mentions(wish, {"line", "trend"}))) {
        return "line";
    }
    return "bar";
}

// Label, value and, for several measures, the measure's name: the long form Vega-Lite wants.
nlohmann::json long_rows(const SqlTable& table, const Plan& plan, std::size_t max_rows) {
    auto rows = nlohmann::json::array();
    for (std::size_t i = 0; i < table.rows.size() && i < max_rows; ++i) {
        for (const std::size_t measure : plan.measures) {
            nlohmann::json row;
            row[table.columns[plan.label].name] = table.rows[i][plan.label];
            const nlohmann::json& cell = table.rows[i][measure];
            if (plan.measures.size() > 1) {
                row["measure"] = table.columns[measure].name;
                row["value"] = cell;
            } else {
                row[table.columns[measure].name] = cell;
            }
            if (plan.series) {
                row[table.columns[*plan.series].name] = table.rows[i][*plan.series];
            }
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

std::string escaped_field(std::string_view name) {
    std::string out;
    for (const char c : name) {
        if (c == '.' || c == '[' || c == ']') {
            out += '\\';
        }
        out += c;
    }
    return out;
}

nlohmann::json value_channel(const SqlTable& table, const Plan& plan) {
    const SqlColumn& column = table.columns[plan.measures.front()];
    const bool several = plan.measures.size() > 1;
    nlohmann::json channel = {
        {"field", several ? "value" : escaped_field(column.name)},
        {"type", "quantitative"},
        {"title", several ? "" : column.name},
    };
    if (column.kind == "money") {
        channel["axis"] = {{"format", "$,.2s"}};
    } else if (column.kind == "count") {
        channel["axis"] = {{"format", ",d"}};
    }
    return channel;
}

nlohmann::json encoding_of(const SqlTable& table, const Plan& plan, std::string_view mark) {
    const SqlColumn& label = table.columns[plan.label];
    nlohmann::json key = {{"field", escaped_field(label.name)}, {"title", label.name}};
    const bool temporal = mark == "line" && (label.kind == "month" || label.kind == "date");
    key["type"] = temporal ? "temporal" : is_time(label) ? "ordinal" : "nominal";
    if (!is_time(label)) {
        key["sort"] = nullptr; // the order of the rows
    }
    nlohmann::json value = value_channel(table, plan);
    nlohmann::json encoding;
    if (mark == "arc") {
        value.erase("axis");
        return {{"theta", std::move(value)}, {"color", std::move(key)}};
    }
    const bool across = mark == "bar" && !is_time(label) && table.rows.size() > 5 && !plan.series &&
                        plan.measures.size() == 1;
    encoding["x"] = across ? value : key;
    encoding["y"] = across ? key : value;
    if (plan.series || plan.measures.size() > 1) {
        const std::string field = plan.series ? table.columns[*plan.series].name : "measure";
        encoding["color"] = {{"field", escaped_field(field)}, {"type", "nominal"}};
        if (mark == "bar") {
            encoding["xOffset"] = {{"field", escaped_field(field)}};
        }
    }
    return encoding;
}

} // namespace

bool drawable(const SqlTable& table) {
    return plan_columns(table).has_value();
}

std::optional<Chart> make_chart(const SqlTable& table, std::string_view title,
                                std::string_view wish) {
    const auto plan = plan_columns(table);
    if (!plan) {
        return std::nullopt;
    }
    const std::string_view mark = choose_mark(table, *plan, wish);
    const bool bars = mark == "bar" && !is_time(table.columns[plan->label]);
    const std::size_t max_rows = bars ? kMaxBars : kMaxChartRows;
    Chart chart;
    chart.title = std::string(title);
    if (table.rows.size() > max_rows) {
        chart.title += " (first " + std::to_string(max_rows) + ")";
    }
    chart.rows = long_rows(table, *plan, max_rows);
    chart.spec = {
        {"$schema", kSchemaUrl},
        {"title", chart.title},
        {"data", {{"values", chart.rows}}},
        {"mark", {{"type", mark}, {"tooltip", true}}},
        {"encoding", encoding_of(table, *plan, mark)},
    };
    if (mark == "line") {
        chart.spec["mark"]["point"] = true;
    }
    return chart;
}

} // namespace mr
