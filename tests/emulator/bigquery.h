// BigQuery's requests, as bigquery_fields.cpp checks them, and its jobs; section 6.
#pragma once

#include "tests/emulator/checks.h"

#include <nlohmann/json.hpp>
#include <string>

namespace mr::emulator::bigquery {

Found check_query(const nlohmann::json& body); // of jobs.query
Found check_job(const nlohmann::json& body);   // of jobs.insert

// What the text of a statement gives away: its type, the tables in its backquotes.
std::string statement_type(const std::string& sql);
nlohmann::json tables_in(const std::string& sql);

// Rows given as plain arrays, in the service's form: every scalar a string, {"f": [{"v": …}]}.
nlohmann::json encode_rows(const nlohmann::json& rows, const nlohmann::json& fields,
                           bool int64_timestamps);

} // namespace mr::emulator::bigquery
