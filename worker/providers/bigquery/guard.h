// Which queries are sent to BigQuery, decided by their words alone: one SELECT over the known
// tables by their short names, with known functions. Pure. The dry run is the second judge, not
// this one's excuse: either of them alone is to be enough.
//
// How the scope is enforced: the tables that a query reads are put in front of it as WITH clauses
// of the same names, each a SELECT of the rows of the projects in scope. A name with a dot is no
// table here, no part of the query may take a table's name, and no default dataset is sent: so no
// wording of a query can see more.
#pragma once

#include "worker/providers/bigquery/tables.h"

#include <string>
#include <string_view>
#include <vector>

namespace mr::bigquery {

inline constexpr std::string_view kProjectsParameter = "mr_projects"; // ARRAY<STRING>

struct Guarded {
    std::string sql;                  // with its tables in front
    std::vector<const Table*> tables; // that it reads, of the `tables` it was checked with
    bool scoped = false;              // has the parameter of the projects
};

// With `filtered` every table of projects is confined by the parameter, and a query that reads none
// is QueryRefused{filter}. Throws QueryRefused{bad_request} for all else that is not let through.
Guarded guard_query(std::string_view sql, const Tables& tables, bool filtered);

} // namespace mr::bigquery
