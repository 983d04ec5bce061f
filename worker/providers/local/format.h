// Numbers, dates and cells as a reader expects them. Pure; US conventions, as the data's.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace mr::local {

std::string money_text(double dollars);      // "$1,234,567", "-$500"
std::string count_text(double number);       // "1,234", "12.5"
std::string percent_text(double number);     // "12.5%"; the number is in percent
std::string date_text(std::string_view iso); // "March 5, 2025"; other text unchanged
// 'on_hold' → "on hold": values of the tables as words.
std::string plain_value(std::string_view value);
// By SqlColumn::kind. NULL is a dash.
std::string cell_text(const nlohmann::json& cell, std::string_view kind);
// The same inside a markdown table: pipes and line breaks escaped, bounded.
std::string table_cell(const nlohmann::json& cell, std::string_view kind);
// Text of the data inside markdown: characters with a meaning there are escaped.
std::string markdown_text(std::string_view text);

} // namespace mr::local
