#include "worker/tools/sql_guard.h"

#include "worker/providers/interfaces.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

namespace mr {
namespace {

// Tables and views with rows of single projects, and the column that names the project.
struct ScopedTable {
    std::string_view name;
    std::string_view project_column;
};
constexpr std::array kScopedTables = {
    ScopedTable{"projects", "id"},
    ScopedTable{"project_aliases", "project_id"},
    ScopedTable{"bids", "project_id"},
    ScopedTable{"invoices", "project_id"},
    ScopedTable{"vendor_invoices", "project_id"},
    ScopedTable{"change_orders", "project_id"},
    ScopedTable{"crew_hours", "project_id"},
    ScopedTable{"inspections", "project_id"},
    ScopedTable{"documents", "project_id"},
    ScopedTable{"v_project_lookup", "project_id"},
    ScopedTable{"v_project_financials", "project_id"},
};
// Tables that belong to no project. The CRM has a tool of its own and is not offered here.
constexpr std::array<std::string_view, 3> kCommonTables = {"meta", "vendors", "crews"};

constexpr auto kFunctions = std::to_array<std::string_view>({
    "abs",       "avg",        "ceil",  "ceiling",      "coalesce",    "count",      "date",
    "datetime",  "floor",      "glob",  "group_concat", "ifnull",      "iif",        "instr",
    "julianday", "length",     "like",  "lower",        "ltrim",       "max",        "min",
    "nullif",    "round",      "rtrim", "sign",         "strftime",    "substr",     "substring",
    "sum",       "total",      "trim",  "typeof",       "upper",       "replace",    "row_number",
    "rank",      "dense_rank", "lag",   "lead",         "first_value", "last_value", "ntile",
});

constexpr std::string_view kScopeTable = "mr_scope";

const ScopedTable* scoped_table(std::string_view name) {
    const auto* found = std::find_if(kScopedTables.begin(), kScopedTables.end(),
                                     [&](const ScopedTable& table) { return table.name == name; });
    return found == kScopedTables.end() ? nullptr : found;
}

template <typename List> bool contains(const List& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

bool readable(const sqlite::AuthRequest& request) {
    // count(*) reads no column and asks with an empty table name for the parts of a join.
    return request.first.empty() || scoped_table(request.first) != nullptr ||
           contains(kCommonTables, request.first) ||
           (request.first == kScopeTable && !request.inside.empty());
}

bool allowed(const sqlite::AuthRequest& request) {
    switch (request.action) {
    case SQLITE_SELECT:
        return true;
    case SQLITE_READ:
        return readable(request);
    case SQLITE_FUNCTION:
        return contains(kFunctions, request.second);
    default: // writes, pragmas, attach, transactions, recursion
        return false;
    }
}

[[noreturn]] void refuse(const std::string& why) {
    const std::string text = "the query was refused: " + why;
    throw QueryRefused(ProviderFault::bad_request, text, text);
}

bool is_name_start(char c) {
    return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

bool is_name_part(char c) {
    return is_name_start(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '$';
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

// A word or a quoted thing; `quote` is 0, ', ", ` or [.
struct SqlToken {
    std::string text; // lower case, without quotes
    char quote = 0;
    char punctuation = 0; // set when it is neither
};

// The next token at `at`, which moves behind it. Comments and NUL bytes are refused.
SqlToken next_token(std::string_view sql, std::size_t& at) {
    const char c = sql[at];
    SqlToken token;
    if (c == '\0') {
        refuse("it holds a NUL byte");
    }
    const char next = at + 1 < sql.size() ? sql[at + 1] : ' ';
    if ((c == '-' && next == '-') || (c == '/' && next == '*')) {
        refuse("comments are not allowed");
    }
    if (c == '\'' || c == '"' || c == '`' || c == '[') {
        const char close = c == '[' ? ']' : c;
        token.quote = c;
        for (++at;; ++at) {
            if (at >= sql.size()) {
                refuse("a quote is not closed");
            }
            if (sql[at] != close) {
                token.text += sql[at];
            } else if (close != ']' && at + 1 < sql.size() && sql[at + 1] == close) {
                token.text += sql[at++];
            } else {
                break;
            }
        }
        ++at;
        token.text = lower(token.text);
        return token;
    }
    if (is_name_start(c)) {
        const std::size_t begin = at;
        while (at < sql.size() && is_name_part(sql[at])) {
            ++at;
        }
        token.text = lower(sql.substr(begin, at - begin));
        return token;
    }
    token.punctuation = c;
    ++at;
    return token;
}

// SQLite takes a string for a name where a name is due, so 'main'.'invoices' counts as well.
bool is_schema_name(const SqlToken& token) {
    return token.punctuation == 0 &&
           (token.text == "main" || token.text == "temp" || token.text == kScopeTable);
}

std::size_t text_bytes(const nlohmann::json& cell) {
    return cell.is_string() ? cell.get_ref<const std::string&>().size() : 8;
}

nlohmann::json to_cell(const sqlite::Value& value) {
    return std::visit([](const auto& held) { return nlohmann::json(held); }, value);
}

std::int64_t project_number(const Project& project) {
    std::int64_t number = 0;
    const char* end = project.id.data() + project.id.size();
    const auto parsed = std::from_chars(project.id.data(), end, number);
    if (parsed.ec != std::errc{} || parsed.ptr != end) {
        throw ProviderError(ProviderFault::filter,
                            "the project filter cannot be applied to this data");
    }
    return number;
}

// Reads any table of a project on the way to compiling `sql`?
class ReadRecorder {
  public:
    explicit ReadRecorder(sqlite::Database& database) : database_(database) {
        database_.set_authorizer([this](const sqlite::AuthRequest& request) {
            if (request.action == SQLITE_READ && scoped_table(request.first) != nullptr) {
                read_project_table_ = true;
            }
            return allowed(request);
        });
    }
    ReadRecorder(const ReadRecorder&) = delete;
    ReadRecorder& operator=(const ReadRecorder&) = delete;
    ~ReadRecorder() { database_.set_authorizer(allowed); }
    bool read_project_table() const noexcept { return read_project_table_; }

  private:
    sqlite::Database& database_;
    bool read_project_table_ = false;
};

SqlTable read_rows(sqlite::Statement& statement) {
    SqlTable table;
    for (int i = 0; i < statement.column_count(); ++i) {
        table.columns.push_back({std::string(statement.column_name(i)), ""});
    }
    std::size_t bytes = 0;
    while (statement.step()) {
        std::vector<nlohmann::json> row;
        for (int i = 0; i < statement.column_count(); ++i) {
            row.push_back(to_cell(statement.value(i)));
            bytes += text_bytes(row.back());
        }
        if (table.rows.size() == kMaxSqlRows || bytes > kMaxSqlResultBytes) {
            table.truncated = true;
            break;
        }
        table.rows.push_back(std::move(row));
    }
    return table;
}

} // namespace

void check_sql_text(std::string_view sql) {
    if (sql.size() > kMaxSqlBytes) {
        refuse("it is too long");
    }
    bool first = true;
    for (std::size_t at = 0; at < sql.size();) {
        if (std::isspace(static_cast<unsigned char>(sql[at])) != 0) {
            ++at;
            continue;
        }
        const SqlToken token = next_token(sql, at);
        if (std::exchange(first, false) &&
            (token.quote != 0 || (token.text != "select" && token.text != "with"))) {
            refuse("only SELECT is allowed");
        }
        if (is_schema_name(token) && (token.quote != '\'' || (at < sql.size() && sql[at] == '.'))) {
            refuse("schema names are not allowed");
        }
        if (token.quote == 0 && (token.text == "recursive" || token.text == "pragma")) {
            refuse(token.text + " is not allowed");
        }
    }
    if (first) {
        refuse("it is empty");
    }
}

void guard_connection(sqlite::Database& database, bool scoped) {
    database.execute("PRAGMA temp_store = MEMORY");
    if (scoped) {
        database.execute("CREATE TEMP TABLE mr_scope (project_id INTEGER PRIMARY KEY)");
        for (const ScopedTable& table : kScopedTables) {
            const std::string name(table.name);
            database.execute("CREATE TEMP VIEW " + name + " AS SELECT * FROM main." + name +
                             " WHERE " + std::string(table.project_column) +
                             " IN (SELECT project_id FROM temp.mr_scope)");
        }
    }
    database.set_limit(SQLITE_LIMIT_SQL_LENGTH, static_cast<int>(kMaxSqlBytes) * 2);
    database.set_limit(SQLITE_LIMIT_LENGTH, 1 << 20);
    database.set_limit(SQLITE_LIMIT_EXPR_DEPTH, 200);
    database.set_limit(SQLITE_LIMIT_COMPOUND_SELECT, 32);
    database.set_limit(SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200);
    database.set_limit(SQLITE_LIMIT_ATTACHED, 0);
    database.set_authorizer(allowed);
}

void set_scope(sqlite::Database& database, std::span<const Project> projects) {
    if (projects.size() > kMaxScopeProjects) {
        throw ProviderError(ProviderFault::filter, "the project filter names too many projects");
    }
    database.set_authorizer({});
    database.execute("DELETE FROM temp.mr_scope");
    {
        auto insert = database.prepare("INSERT OR IGNORE INTO temp.mr_scope VALUES (?1)");
        auto known = database.prepare("SELECT 1 FROM main.projects WHERE id = ?1");
        for (const Project& project : projects) {
            const std::int64_t id = project_number(project);
            known.bind(1, id);
            if (!known.step()) {
                throw ProviderError(ProviderFault::filter,
                                    "the project filter names an unknown project");
            }
            known.reset();
            insert.bind(1, id).run();
            insert.reset();
        }
    }
    database.set_authorizer(allowed);
}

SqlTable run_guarded(sqlite::Database& database, std::string_view sql, bool scoped) {
    check_sql_text(sql);
    try {
        const ReadRecorder recorder(database);
        sqlite::Statement statement = database.prepare(sql);
        if (!statement.read_only() || statement.explain() || statement.column_count() == 0) {
            refuse("only SELECT is allowed");
        }
        if (statement.parameter_count() != 0) {
            refuse("it has parameters without values");
        }
        if (scoped && !recorder.read_project_table()) {
            throw QueryRefused(ProviderFault::filter,
                               "the project filter cannot be applied to this query",
                               "projects are in scope, and it reads no table that belongs to them");
        }
        return read_rows(statement);
    } catch (const sqlite::Error& error) {
        if (error.interrupted()) {
            throw ProviderError(ProviderFault::timeout, "the query took too long");
        }
        if (error.denied()) {
            refuse("it uses something that is not allowed");
        }
        const int code = error.primary_code();
        if (code == SQLITE_ERROR || code == SQLITE_MISUSE || code == SQLITE_TOOBIG) {
            throw QueryRefused(ProviderFault::bad_request, "the query is not valid", error.what());
        }
        throw ProviderError(ProviderFault::bad_request, "the query is not valid");
    }
}

} // namespace mr
