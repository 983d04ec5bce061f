#include "worker/tools/column_kind.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace mr {
namespace {

bool has_any(const std::string& name, std::initializer_list<std::string_view> parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](std::string_view part) { return name.find(part) != std::string::npos; });
}

bool looks_like(const SqlTable& table, std::size_t column, std::string_view pattern) {
    bool any = false;
    for (const auto& row : table.rows) {
        if (row[column].is_null()) {
            continue;
        }
        if (!row[column].is_string()) {
            return false;
        }
        const std::string& text = row[column].get_ref<const std::string&>();
        if (text.size() != pattern.size()) {
            return false;
        }
        for (std::size_t i = 0; i < text.size(); ++i) {
            const bool digit = std::isdigit(static_cast<unsigned char>(text[i])) != 0;
            if (pattern[i] == 'd' ? !digit : text[i] != pattern[i]) {
                return false;
            }
        }
        any = true;
    }
    return any;
}

bool numeric(const SqlTable& table, std::size_t column) {
    bool any = false;
    for (const auto& row : table.rows) {
        if (!row[column].is_null() && !row[column].is_number()) {
            return false;
        }
        any = any || row[column].is_number();
    }
    return any;
}

std::string guessed_kind(const SqlTable& table, std::size_t column) {
    std::string name = table.columns[column].name;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (!numeric(table, column)) {
        return looks_like(table, column, "dddd-dd-dd") ? "date"
               : looks_like(table, column, "dddd-dd")  ? "month"
               : looks_like(table, column, "dddd")     ? "year"
                                                       : "text";
    }
    if (name == "id" || name.ends_with("_id")) {
        return "id";
    }
    if (has_any(name, {"percent", "pct", "share", "rate"})) {
        return "percent";
    }
    if (has_any(name, {"count", "number", "hours", "days"})) {
        return "count";
    }
    if (has_any(name, {"amount", "value", "budget", "cost", "invoiced", "balance", "paid", "sum",
                       "total", "revenue", "outstanding", "overdue", "owed"})) {
        return "money";
    }
    return "number";
}

} // namespace

void set_column_kinds(SqlTable& table, const nlohmann::json& meaning) {
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        SqlColumn& column = table.columns[i];
        if (meaning.is_object() && meaning.contains("columns") && meaning["columns"].is_array()) {
            for (const nlohmann::json& known : meaning["columns"]) {
                if (known.is_object() && known.value("name", "") == column.name) {
                    column.kind = known.value("kind", "");
                }
            }
        }
        if (column.kind.empty()) {
            column.kind = guessed_kind(table, i);
        }
    }
}

} // namespace mr
