// Small readings of a result's rows, shared by figures.cpp and insights.cpp.
#pragma once

#include "worker/providers/types.h"

#include <string>
#include <vector>

namespace mr::local {

bool is_measure(const std::string& kind);
bool is_time(const std::string& kind);

struct ResultColumns {
    std::vector<std::size_t> keys;
    std::vector<std::size_t> measures;
};
ResultColumns columns_of(const SqlTable& table);

std::string bold(const std::string& text);
std::string cell_of(const SqlTable& table, std::size_t row, std::size_t column);
std::string bold_cell(const SqlTable& table, std::size_t row, std::size_t column);
std::string key_text(const SqlTable& table, const ResultColumns& columns, std::size_t row);
double number_at(const SqlTable& table, std::size_t row, std::size_t column);
double total_of(const SqlTable& table, std::size_t column);

} // namespace mr::local
