#include "worker/tools/chart_spec.h"

#include "worker/tools/chart_plan.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace mr {
namespace {

using nlohmann::json;

constexpr const char* kMeasure = "measure"; // columns of the long form
constexpr const char* kValue = "value";
constexpr int kKpiFontSize = 48;

bool several(const ChartPlan& plan) {
    return plan.measures.size() > 1;
}

// Label, value and, for several measures, the measure's name: the long form Vega-Lite wants.
json long_rows(const SqlTable& table, const ChartPlan& plan, std::size_t max_rows) {
    auto rows = json::array();
    for (std::size_t i = 0; i < table.rows.size() && i < max_rows; ++i) {
        for (const std::size_t measure : plan.measures) {
            json row;
            row[table.columns[plan.label].name] = table.rows[i][plan.label];
            json cell = number_cell(table.rows[i][measure]);
            if (several(plan)) {
                row[kMeasure] = table.columns[measure].name;
                row[kValue] = std::move(cell);
            } else {
                row[table.columns[measure].name] = std::move(cell);
            }
            if (plan.series) {
                row[table.columns[*plan.series].name] = table.rows[i][*plan.series];
            }
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

// The rows as they are; numbers that are none are null.
json plain_rows(const SqlTable& table, std::size_t max_rows) {
    auto rows = json::array();
    for (std::size_t i = 0; i < table.rows.size() && i < max_rows; ++i) {
        json row = json::object();
        for (std::size_t column = 0; column < table.columns.size(); ++column) {
            const json& cell = table.rows[i][column];
            row[table.columns[column].name] = cell.is_number() ? number_cell(cell) : cell;
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

// Vega reads these as parts of a path into the row.
std::string escaped_field(std::string_view name) {
    std::string out;
    for (const char c : name) {
        if (std::string_view(".[]\\'\"").find(c) != std::string_view::npos) {
            out += '\\';
        }
        out += c;
    }
    return out;
}

std::string format_of(const SqlColumn& column, bool short_form) {
    return column.kind == "money"   ? (short_form ? "$,.2s" : "$,.2f")
           : column.kind == "count" ? ",d"
                                    : "";
}

json value_channel(const SqlTable& table, const ChartPlan& plan) {
    const SqlColumn& column = table.columns[plan.measures.front()];
    json channel = {
        {"field", several(plan) ? std::string(kValue) : escaped_field(column.name)},
        {"type", "quantitative"},
        {"title", several(plan) ? "" : column.name},
    };
    const std::string format = format_of(column, true);
    if (!format.empty()) {
        channel["axis"] = {{"format", format}};
    }
    return channel;
}

json key_channel(const SqlTable& table, const ChartPlan& plan) {
    const SqlColumn& label = table.columns[plan.label];
    json key = {{"field", escaped_field(label.name)}, {"title", label.name}};
    const bool along = plan.type == "line" || plan.type == "area";
    const bool temporal = along && (label.kind == "month" || label.kind == "date");
    key["type"] = temporal ? "temporal" : is_time(label) ? "ordinal" : "nominal";
    if (!is_time(label)) {
        key["sort"] = nullptr; // the order of the rows
    }
    return key;
}

json encoding_of(const SqlTable& table, const ChartPlan& plan) {
    json key = key_channel(table, plan);
    json value = value_channel(table, plan);
    json encoding;
    if (plan.type == "pie") {
        value.erase("axis");
        return {{"theta", std::move(value)}, {"color", std::move(key)}};
    }
    const bool bars = plan.type == "bar";
    const bool across = bars && !is_time(table.columns[plan.label]) && table.rows.size() > 5 &&
                        !plan.series && !several(plan);
    encoding["x"] = across ? value : key;
    encoding["y"] = across ? key : value;
    if (plan.series || several(plan)) {
        const std::string field =
            plan.series ? escaped_field(table.columns[*plan.series].name) : std::string(kMeasure);
        encoding["color"] = {{"field", field}, {"type", "nominal"}};
        if (bars) {
            encoding["xOffset"] = {{"field", field}};
        }
    }
    return encoding;
}

json picture_spec(const SqlTable& table, const ChartPlan& plan) {
    json mark = {{"type", plan.type == "pie" ? "arc" : plan.type}, {"tooltip", true}};
    if (plan.type == "line") {
        mark["point"] = true;
    }
    return {{"mark", std::move(mark)}, {"encoding", encoding_of(table, plan)}};
}

json kpi_spec(const SqlTable& table, const ChartPlan& plan) {
    const SqlColumn& column = table.columns[plan.measures.front()];
    json text = {{"field", escaped_field(column.name)}, {"type", "quantitative"}};
    const std::string format = format_of(column, false);
    if (!format.empty()) {
        text["format"] = format;
    }
    return {{"mark", {{"type", "text"}, {"fontSize", kKpiFontSize}}},
            {"encoding", {{"text", std::move(text)}}}};
}

// Vega-Lite has no table: its cells are texts on a grid of rows and columns.
json table_spec(const SqlTable& table) {
    json fields = json::array();
    for (const SqlColumn& column : table.columns) {
        fields.push_back(escaped_field(column.name));
    }
    const json number = {{"op", "row_number"}, {"as", "mr_row"}};
    return {{"transform",
             {{{"window", json::array({number})}},
              {{"fold", std::move(fields)}, {"as", {"mr_column", "mr_cell"}}}}},
            {"mark", {{"type", "text"}}},
            {"encoding",
             {{"x",
               {{"field", "mr_column"},
                {"type", "nominal"},
                {"sort", nullptr},
                {"axis", {{"orient", "top"}, {"title", nullptr}}}}},
              {"y", {{"field", "mr_row"}, {"type", "ordinal"}, {"axis", nullptr}}},
              {"text", {{"field", "mr_cell"}, {"type", "nominal"}}}}}};
}

// The neutral form, but for title and data, which stand beside it. Vega-Lite leaves it alone.
json neutral_form(const SqlTable& table, const ChartPlan& plan) {
    json view = {{"type", plan.type}};
    if (plan.measures.empty()) {
        for (const SqlColumn& column : table.columns) {
            view["columns"].push_back(column.name);
        }
        return view;
    }
    view["y"] = json::array(
        {several(plan) ? std::string(kValue) : table.columns[plan.measures.front()].name});
    if (plan.type == "kpi") {
        return view;
    }
    view["x"] = table.columns[plan.label].name;
    if (plan.series || several(plan)) {
        view["series"] = plan.series ? table.columns[*plan.series].name : std::string(kMeasure);
    }
    return view;
}

// Names the user of the cut: in the title, since not everybody shows notes, and in words.
void tell_cut(Chart& chart, std::size_t drawn, const SqlTable& table) {
    const std::size_t all = table.rows.size();
    if (drawn == all && !table.truncated) {
        return;
    }
    chart.title += " (first " + std::to_string(drawn) + ")";
    chart.spec["usermeta"]["note"] = "The first " + std::to_string(drawn) + " of " +
                                     (table.truncated ? "more than " : "") + std::to_string(all) +
                                     " rows are shown.";
}

} // namespace

std::optional<Chart> make_chart(const SqlTable& table, std::string_view title,
                                std::string_view wish, std::string_view schema) {
    if (table.rows.empty() || table.columns.empty()) {
        return std::nullopt;
    }
    const ChartPlan plan = plan_chart(table, wish);
    const bool picture = plan.type != "kpi" && plan.type != "table";
    const bool bars = plan.type == "bar" && !is_time(table.columns[plan.label]);
    const std::size_t drawn = std::min(table.rows.size(), bars ? kMaxBars : kMaxChartRows);
    Chart chart;
    chart.title = std::string(title);
    chart.rows = picture ? long_rows(table, plan, drawn) : plain_rows(table, drawn);
    chart.spec = picture              ? picture_spec(table, plan)
                 : plan.type == "kpi" ? kpi_spec(table, plan)
                                      : table_spec(table);
    chart.spec["usermeta"] = neutral_form(table, plan);
    tell_cut(chart, drawn, table);
    chart.spec["$schema"] = schema;
    chart.spec["title"] = chart.title;
    chart.spec["data"] = {{"values", chart.rows}};
    return chart;
}

bool is_picture(const Chart& chart) {
    const json type = chart.spec.value("/usermeta/type"_json_pointer, json());
    return type != "kpi" && type != "table";
}

} // namespace mr
