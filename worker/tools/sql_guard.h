// Lets exactly one kind of SQL through to the company's data: one SELECT over known tables with
// harmless functions, of bounded size and work, confined to the projects in scope.
//
// How the scope is enforced: on a scoped connection every project's table is hidden behind a
// temporary view of the same name that shows the rows of the projects in temp.mr_scope only, and
// SQL that names a schema ("main.invoices") is refused. So no wording of a query can see more.
#pragma once

#include "worker/data/sqlite.h"
#include "worker/providers/types.h"

#include <span>
#include <string>
#include <string_view>

namespace mr {

inline constexpr std::size_t kMaxSqlBytes = 16 * 1024;
inline constexpr std::size_t kMaxSqlRows = 500;
inline constexpr std::size_t kMaxSqlResultBytes = 512 * 1024;
inline constexpr std::size_t kMaxScopeProjects = 100;

// Throws ProviderError{bad_request} for SQL that is refused by its words alone: empty, too long, no
// SELECT, comments, schema names. What needs the schema is checked by guard_connection's hooks.
void check_sql_text(std::string_view sql);

// Sets limits and the authorizer of a connection that is going to run foreign SQL, for its whole
// life. With `scoped` it also makes the views; then set_scope decides what they show.
void guard_connection(sqlite::Database& database, bool scoped);

// Which projects a scoped connection shows. Throws ProviderError{filter} when an id is none of
// ours or there are too many of them.
void set_scope(sqlite::Database& database, std::span<const Project> projects);

// Runs a query on a guarded connection. On a scoped one the query must read at least one table
// that knows projects, or ProviderError{filter}: such a filter would be no filter.
SqlTable run_guarded(sqlite::Database& database, std::string_view sql, bool scoped);

} // namespace mr
