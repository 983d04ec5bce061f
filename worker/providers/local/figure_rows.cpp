#include "worker/providers/local/figure_rows.h"

#include "worker/providers/local/describe.h"
#include "worker/providers/local/format.h"

namespace mr::local {

bool is_measure(const std::string& kind) {
    return kind == "money" || kind == "count" || kind == "number" || kind == "percent";
}

bool is_time(const std::string& kind) {
    return kind == "month" || kind == "quarter" || kind == "year";
}

ResultColumns columns_of(const SqlTable& table) {
    ResultColumns columns;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        (is_measure(table.columns[i].kind) ? columns.measures : columns.keys).push_back(i);
    }
    return columns;
}

std::string bold(const std::string& text) {
    return "**" + text + "**";
}

std::string cell_of(const SqlTable& table, std::size_t row, std::size_t column) {
    return cell_text(table.rows[row][column], table.columns[column].kind);
}

std::string bold_cell(const SqlTable& table, std::size_t row, std::size_t column) {
    return bold(cell_of(table, row, column));
}

std::string key_text(const SqlTable& table, const ResultColumns& columns, std::size_t row) {
    std::vector<std::string> parts;
    for (const std::size_t key : columns.keys) {
        parts.push_back(markdown_text(cell_of(table, row, key)));
    }
    return joined(parts, ", ");
}

double number_at(const SqlTable& table, std::size_t row, std::size_t column) {
    const nlohmann::json& cell = table.rows[row][column];
    return cell.is_number() ? cell.get<double>() : 0.0;
}

double total_of(const SqlTable& table, std::size_t column) {
    double sum = 0;
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        sum += number_at(table, row, column);
    }
    return sum;
}

} // namespace mr::local
