// What Power BI's replies hold and what its refusals mean.
#include "worker/log.h"
#include "worker/providers/powerbi/powerbi.h"
#include "worker/providers/remote_json.h"
#include "worker/providers/retry.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace mr::powerbi {
namespace {

using nlohmann::json;
using rest::Refusal;

constexpr std::string_view kMidnight = "T00:00:00";

// "Invoices[Amount]" or "[Total]".
struct Key {
    std::string table;
    std::string name;
};

std::optional<Key> key_of(const std::string& text) {
    const std::size_t open = text.find('[');
    if (open == std::string::npos || !text.ends_with(']')) {
        return std::nullopt;
    }
    return Key{text.substr(0, open), text.substr(open + 1, text.size() - open - 2)};
}

// A column of the result: its key in the rows, and what it is called.
struct Column {
    std::string key;
    Key parts;
    SqlColumn shown;
};

std::string kind_in(const SqlQuery& query, const std::string& name) {
    for (const json& one : items_of(member(query.meaning, "columns"))) {
        const std::string said = text_of(member(one, "name"));
        if (same_name(said, name)) {
            return text_of(member(one, "kind"));
        }
    }
    return {};
}

// Position among the columns that the writer names; behind them all when it names none such.
std::size_t place_of(const SqlQuery& query, const Column& column) {
    std::size_t place = 0;
    for (const json& one : items_of(member(query.meaning, "columns"))) {
        const std::string said = text_of(member(one, "name"));
        if (same_name(said, column.shown.name) || same_name(said, column.parts.name) ||
            same_name(said, column.key)) {
            return place;
        }
        ++place;
    }
    return place;
}

// Without the @ that names of a query's own begin with.
Column column_of(const std::string& key, const Key& parts, const SqlQuery& query,
                 const Options& options) {
    Column column{key, parts, {}};
    column.shown.name = parts.name.starts_with('@') ? parts.name.substr(1) : parts.name;
    const Field* field = parts.table.empty() ? options.schema->measure(parts.name)
                                             : options.schema->column(parts.table, parts.name);
    column.shown.kind = field == nullptr ? "" : field->kind;
    for (const std::string& name : {column.shown.name, parts.name, key}) {
        if (column.shown.kind.empty()) {
            column.shown.kind = kind_in(query, name);
        }
    }
    return column;
}

std::vector<Column> columns_of(const json& rows, const SqlQuery& query, const Options& options) {
    std::vector<Column> columns;
    for (const json& row : rows) {
        for (auto cell = row.begin(); row.is_object() && cell != row.end(); ++cell) {
            const std::string& key = cell.key();
            const bool known = std::any_of(columns.begin(), columns.end(),
                                           [&](const Column& one) { return one.key == key; });
            const std::optional<Key> parts = key_of(key);
            const bool described = parts && (parts->table.empty() ||
                                             options.schema->column(parts->table, parts->name));
            if (!known && described && columns.size() < kMaxFields) {
                columns.push_back(column_of(key, *parts, query, options));
            }
        }
    }
    std::sort(columns.begin(), columns.end(), [&](const Column& a, const Column& b) {
        return std::pair(place_of(query, a), a.key) < std::pair(place_of(query, b), b.key);
    });
    for (Column& one : columns) { // of two tables' columns of one name each keeps its table
        const auto same = std::count_if(columns.begin(), columns.end(), [&](const Column& other) {
            return other.parts.name == one.parts.name;
        });
        if (same > 1) {
            one.shown.name = one.key;
        }
    }
    return columns;
}

json cell_of(const json& value) {
    if (value.is_string()) {
        std::string text = value.get<std::string>();
        if (text.ends_with(kMidnight) || text.ends_with("T00:00:00Z")) {
            text.resize(text.rfind('T'));
        }
        return text;
    }
    if (value.is_boolean()) {
        return value.get<bool>() ? "true" : "false";
    }
    return value.is_number() || value.is_null()
               ? value
               : json(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

void check_project(const Column& column, const json& cell, const Options& options,
                   const std::vector<std::string>& projects) {
    if (projects.empty() || !same_name(column.parts.table, options.project_column.table) ||
        !same_name(column.parts.name, options.project_column.column)) {
        return;
    }
    const std::string text = cell.is_string() ? cell.get<std::string>() : cell.dump();
    const bool ours = std::any_of(projects.begin(), projects.end(),
                                  [&](const std::string& one) { return same_name(one, text); });
    if (!ours) {
        throw ProviderError(ProviderFault::filter,
                            "Power BI's rows are not confined to the projects that are meant");
    }
}

const json& first_of(const json& list) {
    static const json none;
    return items_of(list).empty() ? none : list.front();
}

// The codes of an error object, in either of its forms: for the log. Its texts are not, they repeat
// the query.
std::string codes_of(const json& error) {
    std::string codes = text_of(member(error, "code"));
    const std::string inner = text_of(member(member(error, "pbi.error"), "code"));
    if (!inner.empty() && inner != codes) {
        codes += (codes.empty() ? "" : ", ") + inner;
    }
    return codes.substr(0, rest::kMaxDetailBytes);
}

bool speaks_of(const json& error, const std::string& name) {
    if (text_of(member(error, "message")).find(name) != std::string::npos) {
        return true;
    }
    const json& details = items_of(member(member(error, "pbi.error"), "details"));
    return std::any_of(details.begin(), details.end(), [&](const json& detail) {
        const json& value = member(member(detail, "detail"), "value");
        return text_of(value).find(name) != std::string::npos;
    });
}

} // namespace

SqlTable read_rows(const json& reply, const SqlQuery& query, const Options& options,
                   const std::vector<std::string>& projects) {
    const json& result = first_of(member(reply, "results"));
    const json& tables = member(result, "tables");
    const json& rows = items_of(member(first_of(tables), "rows"));
    const json& whole = member(reply, "error");
    const json& error = whole.is_object() ? whole : member(result, "error");
    if (error.is_object()) { // also with rows: then these are cut
        log::warn("Power BI cut or refused a result", {{"cause", codes_of(error)}});
        if (rows.empty()) {
            throw ProviderError(ProviderFault::bad_request, "Power BI could not run the query");
        }
    } else if (!first_of(tables).is_object()) {
        throw ProviderError(ProviderFault::bad_reply, "Power BI's reply cannot be read");
    }
    SqlTable table;
    table.truncated = error.is_object() || rows.size() > options.max_rows;
    const std::vector<Column> columns = columns_of(rows, query, options);
    if (columns.empty() && !rows.empty()) {
        throw ProviderError(ProviderFault::bad_reply, "Power BI's rows hold nothing described");
    }
    for (const Column& column : columns) {
        table.columns.push_back(column.shown);
    }
    std::size_t bytes = 0;
    for (const json& row : rows) {
        if (table.rows.size() == options.max_rows || bytes > kMaxResultBytes) {
            table.truncated = true;
            break;
        }
        std::vector<json> cells;
        for (const Column& column : columns) {
            cells.push_back(cell_of(member(row, column.key.c_str())));
            check_project(column, cells.back(), options, projects);
            bytes += cells.back().is_string() ? cells.back().get_ref<const std::string&>().size()
                                              : sizeof(json);
        }
        table.rows.push_back(std::move(cells));
    }
    return table;
}

Refusal refusal_of(const net::HttpResponse& response, const Options& options, int tried,
                   bool filtered) {
    const int status = response.head.status;
    const json body = json::parse(response.body, nullptr, false);
    const json& error = member(body, "error");
    const std::string codes = codes_of(error);
    Refusal refusal{ProviderFault::bad_request, "Power BI did not accept the query", {}, {}};
    refusal.detail = "status " + std::to_string(status);
    const std::string id(response.head.header("requestid"));
    refusal.detail += (codes.empty() ? "" : ", " + codes) + (id.empty() ? "" : ", request " + id);
    if (status == 429 || status == 408 || status >= 500) {
        refusal.fault = status == 429 ? ProviderFault::rate_limited : ProviderFault::unavailable;
        refusal.text = status == 429 ? "Power BI is asked too often at the moment"
                                     : "Power BI is not available at the moment";
        refusal.wait = retry_after(response.head, std::chrono::system_clock::now())
                           .value_or(options.retry_base * tried);
    } else if (status == 401 || status == 403) {
        refusal.text = "Power BI refused us access";
    } else if (status == 404) {
        refusal.text = "Power BI does not know the dataset";
    } else if (filtered && speaks_of(error, options.project_column.column)) {
        refusal.fault = ProviderFault::filter;
        refusal.text = "the project filter cannot be applied to Power BI";
    }
    return refusal;
}

} // namespace mr::powerbi
