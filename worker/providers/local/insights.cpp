// What is worth noticing in a result: shares, trends, extremes.
#include "worker/providers/local/describe.h"
#include "worker/providers/local/figure_rows.h"
#include "worker/providers/local/figures.h"
#include "worker/providers/local/format.h"

#include <cctype>
#include <optional>

namespace mr::local {
namespace {

// What stands out in a grouped result.
void add_group_insights(const SqlTable& table, const ResultColumns& columns, bool averaged,
                        std::vector<std::string>& insights) {
    const std::size_t measure = columns.measures.front();
    const SqlColumn& column = table.columns[measure];
    const double total = total_of(table, measure);
    std::size_t best = 0;
    std::size_t worst = 0;
    bool positive = true;
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        best = number_at(table, row, measure) > number_at(table, best, measure) ? row : best;
        worst = number_at(table, row, measure) < number_at(table, worst, measure) ? row : worst;
        positive = positive && number_at(table, row, measure) >= 0;
    }
    const bool additive = !averaged && (column.kind == "money" || column.kind == "count");
    if (is_time(table.columns[columns.keys.front()].kind)) {
        insights.push_back("The peak is " + key_text(table, columns, best) + " with " +
                           cell_of(table, best, measure) + ", the low " +
                           key_text(table, columns, worst) + " with " +
                           cell_of(table, worst, measure) + ".");
        nlohmann::json average = total / static_cast<double>(table.rows.size());
        insights.push_back("The average per " + table.columns[columns.keys.front()].name +
                           " shown is " + cell_text(average, column.kind) + ".");
        return;
    }
    if (additive && positive && total > 0) {
        insights.push_back(key_text(table, columns, best) + " accounts for " +
                           percent_text(100.0 * number_at(table, best, measure) / total) +
                           " of the total shown.");
    }
    if (best != worst && number_at(table, worst, measure) != 0 && positive) {
        nlohmann::json gap = number_at(table, best, measure) - number_at(table, worst, measure);
        insights.push_back("Between " + key_text(table, columns, best) + " and " +
                           key_text(table, columns, worst) + " lie " + cell_text(gap, column.kind) +
                           ".");
    }
}

std::optional<double> value_named(const SqlTable& table, std::string_view name) {
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        if (table.columns[i].name == name && table.rows[0][i].is_number()) {
            return table.rows[0][i].get<double>();
        }
    }
    return std::nullopt;
}

struct Ratio {
    std::string_view part;
    std::string_view whole;
    std::string_view words; // behind the percentage
};
constexpr Ratio kRatios[] = {
    {"Still open", "Invoiced", " of the amount invoiced is still open."},
    {"Received", "Invoiced", " of the amount invoiced has been received."},
    {"Overdue", "Still open", " of the open balance is overdue."},
    {"Overdue", "Invoiced", " of the amount invoiced is overdue."},
    {"Invoiced", "Contract value", " of the contract value has been invoiced."},
    {"Vendor cost", "Budget", " of the budget has been charged by vendors."},
    {"Overtime hours", "Hours", " of the hours are overtime."},
    {"Owed to vendors", "Vendor cost", " of the vendor cost is still owed."},
};

void add_ratios(const SqlTable& table, std::vector<std::string>& insights) {
    for (const Ratio& ratio : kRatios) {
        const auto part = value_named(table, ratio.part);
        const auto whole = value_named(table, ratio.whole);
        if (part && whole && *whole > 0 && *part >= 0) {
            insights.push_back(percent_text(100.0 * *part / *whole) + std::string(ratio.words));
        }
    }
}

void add_list_insights(const SqlTable& table, const ResultColumns& columns,
                       std::vector<std::string>& insights) {
    std::vector<std::string> sums;
    for (const std::size_t measure : columns.measures) {
        const SqlColumn& column = table.columns[measure];
        if (column.kind == "money" && column.name != "Hourly rate") {
            nlohmann::json total = total_of(table, measure);
            std::string label = column.name;
            label[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(label[0])));
            sums.push_back(label + " " + cell_text(total, column.kind));
        }
    }
    if (!sums.empty()) {
        insights.push_back("Taken together: " + joined(sums) + ".");
    }
}

} // namespace

std::vector<std::string> insights_of(const ToolFinding& finding) {
    std::vector<std::string> insights;
    const SqlTable& table = finding.table;
    const QueryIntent intent = effective_intent(finding.query);
    const ResultColumns columns = columns_of(table);
    if (table.rows.empty() || columns.measures.empty() || intent.mode == "attributes") {
        return insights;
    }
    if (table.rows.size() == 1) {
        add_ratios(table, insights);
    } else if (intent.mode == "list") {
        add_list_insights(table, columns, insights);
    } else if (!columns.keys.empty() && !intent.compare) {
        add_group_insights(table, columns, intent.aggregate == "avg", insights);
    }
    if (insights.size() > kMaxInsights) {
        insights.resize(kMaxInsights);
    }
    return insights;
}

} // namespace mr::local
