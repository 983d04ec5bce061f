// The projects of a company from a table or view of BigQuery, such as v_project_lookup: one row per
// name of a project. The whole list is read, kept for a while, and searched here, so that a name
// costs no query and may be misspelt.
#pragma once

#include "worker/providers/bigquery/bigquery.h"

#include <array>
#include <chrono>
#include <memory>
#include <string>

namespace mr::bigquery {

inline constexpr std::chrono::minutes kProjectsKept{10};
inline constexpr std::chrono::seconds kProjectsRetried{30}; // after they could not be read anew
inline constexpr std::size_t kMaxLookupRows = 100'000;

struct Lookup {
    Table table;
    // Of id, name, code and alias; empty: there is none (code and alias alone).
    std::array<std::string, 4> columns;
};

// "project_id,name,code,alias", "-" for none. Throws std::runtime_error that says what is wrong.
std::array<std::string, 4> parse_lookup_columns(const std::string& text);

// A list that could be read once is used on while it cannot be read anew. The HTTP client is shared
// with other providers and outlives the result.
std::unique_ptr<ProjectDirectory> make_directory(std::shared_ptr<net::HttpClient> http,
                                                 std::shared_ptr<Credential> credential,
                                                 Options options, Lookup lookup);

} // namespace mr::bigquery
