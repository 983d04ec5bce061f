#include "worker/providers/bigquery/tables.h"

#include <algorithm>
#include <stdexcept>

namespace mr::bigquery {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(kBlanks);
    const std::size_t end = text.find_last_not_of(kBlanks);
    return begin == std::string_view::npos ? std::string_view()
                                           : text.substr(begin, end - begin + 1);
}

[[noreturn]] void wrong(std::string_view entry, const std::string& what) {
    throw std::runtime_error("'" + std::string(entry) + "' " + what);
}

// dataset.table or project.dataset.table
Table table_of(std::string_view path, std::string_view entry, const std::string& project) {
    Table table;
    const std::size_t last = path.rfind('.');
    const std::size_t first = last == std::string_view::npos ? last : path.rfind('.', last - 1);
    if (last == std::string_view::npos || last == 0) {
        wrong(entry, "has no dataset, as in sales.invoices");
    }
    table.name = path.substr(last + 1);
    const bool whole = first != std::string_view::npos && first < last;
    table.dataset = whole ? path.substr(first + 1, last - first - 1) : path.substr(0, last);
    table.project = whole ? std::string(path.substr(0, first)) : project;
    if (!plain(table.name, false) || !letter(table.name[0]) || !plain(table.dataset, false) ||
        !plain(table.project, true)) {
        wrong(entry, "is no table such as sales.invoices");
    }
    return table;
}

template <typename Add> void each_entry(std::string_view text, const Add& add) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        const std::string_view entry = trimmed(text.substr(at, end - at));
        if (!entry.empty()) {
            add(entry);
        }
        at = end + 1;
    }
}

} // namespace

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

bool plain(std::string_view name, bool dashes) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [dashes](char c) {
        return letter(c) || (c >= '0' && c <= '9') || (dashes && c == '-');
    });
}

const Table* Tables::find(std::string_view name) const {
    const std::string wanted = lower(name);
    const auto found = std::find_if(readable.begin(), readable.end(), [&](const Table& table) {
        return lower(table.name) == wanted;
    });
    return found == readable.end() ? nullptr : &*found;
}

bool Tables::holds_name(std::string_view name) const {
    const std::string wanted = lower(name);
    const auto named = [&](const Table& table) {
        return lower(table.dataset) == wanted || lower(table.project) == wanted;
    };
    return std::any_of(readable.begin(), readable.end(), named) ||
           std::any_of(beneath.begin(), beneath.end(), named);
}

Tables parse_tables(std::string_view readable, std::string_view beneath,
                    const std::string& project) {
    Tables tables;
    each_entry(readable, [&](std::string_view entry) {
        const std::size_t colon = entry.find(':');
        if (colon == std::string_view::npos) {
            wrong(entry, "does not say its project column: name it behind a colon, or - for none");
        }
        const std::string_view column = trimmed(entry.substr(colon + 1));
        Table table = table_of(trimmed(entry.substr(0, colon)), entry, project);
        table.project_column = column == "-" ? std::string_view() : column;
        if (column != "-" && (!plain(column, false) || !letter(column[0]))) {
            wrong(entry, "names a project column that is none");
        }
        if (tables.find(table.name) != nullptr) {
            wrong(entry, "has a name that another table has: queries could not tell them apart");
        }
        tables.readable.push_back(std::move(table));
    });
    each_entry(beneath, [&](std::string_view entry) {
        tables.beneath.push_back(table_of(entry, entry, project));
    });
    if (tables.readable.size() + tables.beneath.size() > kMaxTables) {
        throw std::runtime_error("there are more than " + std::to_string(kMaxTables) + " tables");
    }
    for (const Table& table : tables.readable) {
        if (tables.holds_name(table.name)) {
            wrong(table.name, "is the name of a table and of a dataset or project");
        }
    }
    return tables;
}

} // namespace mr::bigquery
