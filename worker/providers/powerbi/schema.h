// The part of a semantic model that questions may be answered from: tables, columns and measures
// with what they mean, as the owner of the deployment describes them in a JSON file. Nothing else
// of the model can be named in a query. Pure but for reading the file.
//
//   {"tables": [{"name": "Invoices", "description": "one row per invoice",
//                "columns": [{"name": "Amount", "kind": "money", "description": "net"}],
//                "measures": [{"name": "Invoiced", "kind": "money"}]},
//               {"name": "Vendors", "common": true, "columns": [{"name": "Name"}]}]}
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mr::powerbi {

inline constexpr std::size_t kMaxSchemaFileBytes = 256 * 1024;
inline constexpr std::size_t kMaxTables = 100;
inline constexpr std::size_t kMaxFields = 2'000; // columns and measures of all tables
inline constexpr std::size_t kMaxNameBytes = 128;
inline constexpr std::size_t kMaxDescriptionBytes = 500;

struct Field {
    std::string name;
    std::string kind; // of SqlColumn, empty when not said
    std::string description;
};

struct Table {
    std::string name;
    std::string description;
    bool common = false; // belongs to no project: the filter does not reach it
    std::vector<Field> columns;
    std::vector<Field> measures;
};

struct Schema {
    std::vector<Table> tables;

    // Names as DAX compares them: without regard to case. Null when there is none.
    const Table* table(std::string_view name) const;
    const Field* column(std::string_view table, std::string_view name) const;
    const Field* measure(std::string_view name, const Table** of = nullptr) const;
};

// 'Projects'[Code], written as DAX has it.
struct ColumnName {
    std::string table;
    std::string column;
};
// Throws std::runtime_error when it is not one.
ColumnName parse_column(std::string_view text);

// Throw std::runtime_error that says what is wrong and where.
Schema parse_schema(std::string_view json);
Schema read_schema(const std::string& path);

// For the writer of queries. One line each.
std::string described(const Schema& schema);

// Names of tables and columns as a query has them.
std::string quoted_table(std::string_view name);
std::string quoted_column(std::string_view name);
bool same_name(std::string_view a, std::string_view b) noexcept;

} // namespace mr::powerbi
