#include "worker/tools/chart_plan.h"

#include "worker/tools/chart_spec.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <string>

namespace mr {
namespace {

bool is_measure(const SqlColumn& column) {
    return column.kind == "money" || column.kind == "count" || column.kind == "number" ||
           column.kind == "percent";
}

// Moments on an axis of time; quarters and years are names of periods.
bool is_moment(const SqlColumn& column) {
    return column.kind == "month" || column.kind == "date";
}

bool mentions(std::string_view text, std::initializer_list<std::string_view> words) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        return lower.find(word) != std::string::npos;
    });
}

// Ids name things: they are labels where nothing else is one, never measures.
std::vector<std::size_t> labels_of(const SqlTable& table) {
    std::vector<std::size_t> labels;
    std::vector<std::size_t> ids;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        if (table.columns[i].kind == "id") {
            ids.push_back(i);
        } else if (!is_measure(table.columns[i])) {
            labels.push_back(i);
        }
    }
    return labels.empty() ? ids : labels;
}

// Those of the first one's kind: one axis has one unit.
std::vector<std::size_t> measures_of(const SqlTable& table) {
    std::vector<std::size_t> measures;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        if (is_measure(table.columns[i]) &&
            (measures.empty() || table.columns[measures.front()].kind == table.columns[i].kind)) {
            measures.push_back(i);
        }
    }
    return measures;
}

bool all_positive(const SqlTable& table, std::size_t column) {
    return std::all_of(table.rows.begin(), table.rows.end(), [&](const auto& row) {
        const nlohmann::json cell = number_cell(row[column]);
        return cell.is_number() && cell.template get<double>() > 0;
    });
}

std::string_view type_of(const SqlTable& table, const ChartPlan& plan, std::string_view wish) {
    const SqlColumn& label = table.columns[plan.label];
    const std::size_t rows = table.rows.size();
    if (mentions(wish, {"pie", "share", "proportion", "percent", "donut", "doughnut"}) &&
        plan.measures.size() == 1 && !plan.series && rows <= kMaxPieParts &&
        all_positive(table, plan.measures.front())) {
        return "pie";
    }
    if (mentions(wish, {"bar chart", "bar graph", "bars", "column chart"})) {
        return "bar";
    }
    if (is_time(label) && mentions(wish, {"area"})) {
        return "area";
    }
    if (is_time(label) && (rows > kPeriodBars || mentions(wish, {"line", "trend"}) ||
                           (is_moment(label) && rows >= kLineRows))) {
        return "line";
    }
    return "bar";
}

} // namespace

bool is_time(const SqlColumn& column) {
    return is_moment(column) || column.kind == "quarter" || column.kind == "year";
}

nlohmann::json number_cell(const nlohmann::json& cell) {
    if (cell.is_number()) {
        return std::isfinite(cell.get<double>()) ? cell : nlohmann::json();
    }
    if (!cell.is_string()) {
        return nullptr;
    }
    const std::string& text = cell.get_ref<const std::string&>();
    const char* end = text.data() + text.size();
    std::int64_t whole = 0;
    const auto read = std::from_chars(text.data(), end, whole);
    if (read.ec == std::errc() && read.ptr == end) {
        return whole;
    }
    double number = 0;
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    const bool good = error == std::errc() && stop == end && std::isfinite(number);
    return good ? nlohmann::json(number) : nlohmann::json();
}

ChartPlan plan_chart(const SqlTable& table, std::string_view wish) {
    ChartPlan plan;
    plan.type = "table";
    plan.measures = measures_of(table);
    const std::vector<std::size_t> labels = labels_of(table);
    if (wish == "table" || mentions(wish, {"a table", "table of"}) || plan.measures.empty()) {
        plan.measures.clear();
        return plan;
    }
    if (table.rows.size() == 1 && plan.measures.size() == 1) {
        plan.type = "kpi";
        return plan;
    }
    if (table.rows.size() < 2 || labels.empty()) {
        plan.measures.clear();
        return plan;
    }
    const auto time = std::find_if(labels.begin(), labels.end(),
                                   [&](std::size_t i) { return is_time(table.columns[i]); });
    plan.label = time != labels.end() ? *time : labels.front();
    for (const std::size_t i : labels) {
        if (i != plan.label && plan.measures.size() == 1 && labels.size() == 2) {
            plan.series = i;
        }
    }
    plan.type = type_of(table, plan, wish);
    return plan;
}

} // namespace mr
