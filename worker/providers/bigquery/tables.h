// The tables that queries may read: how the settings name them, and which column of each says whose
// project a row is. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mr::bigquery {

// A dry run tells no more than 50 tables that a query reads.
inline constexpr std::size_t kMaxTables = 50;

struct Table {
    std::string project;
    std::string dataset;
    std::string name;           // what queries call it
    std::string project_column; // empty: its rows belong to no project

    bool scoped() const noexcept { return !project_column.empty(); }
    std::string path() const { return project + "." + dataset + "." + name; }
};

struct Tables {
    std::vector<Table> readable;
    std::vector<Table> beneath; // what views among them are made of: never named by a query

    // Null for a name that is none, whatever its capitals.
    const Table* find(std::string_view name) const;
    // A dataset or project of theirs, whatever its capitals.
    bool holds_name(std::string_view name) const;
};

// "sales.invoices:project_id, other-project.sales.vendors:-": dataset and table, of `project` where
// none is before them; behind the colon the project column, or "-" for none. `beneath` has tables
// without a colon. Throws std::runtime_error that says which entry is wrong.
Tables parse_tables(std::string_view readable, std::string_view beneath,
                    const std::string& project);

// Names without what could end a quoted name: letters, digits, underscores, and dashes if so said.
bool plain(std::string_view name, bool dashes);

// ASCII letters in lower case, the rest as it is.
std::string lower(std::string_view text);

} // namespace mr::bigquery
