// A semantic model of Power BI, asked in DAX by executeQueries. A query is checked against the
// described schema (dax.h), capped, and with projects in scope confined to them by a column of the
// model; what comes back is checked for it where the column is among it. A filter that cannot be
// applied is ProviderError{filter}, never a wider query.
//
// https://learn.microsoft.com/rest/api/power-bi/datasets/execute-queries-in-group
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/credential.h"
#include "worker/providers/interfaces.h"
#include "worker/providers/powerbi/schema.h"
#include "worker/providers/rest/api.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mr::powerbi {

inline constexpr std::size_t kMaxResultBytes = 512 * 1024; // of texts in a result
inline constexpr std::size_t kMaxScopeProjects = 100;

struct Options {
    rest::Endpoint endpoint;
    std::string api_path = "/v1.0/myorg"; // with the version of the API
    std::string workspace;                // id; empty: the caller's own
    std::string dataset;                  // id
    std::shared_ptr<const Schema> schema;
    ColumnName project_column; // empty: there is none, projects in scope are a filter error
    std::string project_value = "code"; // what it holds of a project: "id", "code" or "name"
    std::uint64_t max_rows = 500;
    std::uint64_t queries_per_second = 2; // Power BI allows 120 a minute
    std::shared_ptr<rest::RateGate> gate; // keeps it; null: this worker alone does
    unsigned max_retries = 2;
    std::chrono::milliseconds retry_base{1'000};
};

// SqlQuery::sql is DAX here. The HTTP client is shared with other providers and outlives the
// result.
std::unique_ptr<SqlEngine> make_engine(std::shared_ptr<net::HttpClient> http,
                                       std::shared_ptr<Credential> credential, Options options);

// The values of the project's column for the projects in scope; none: all projects. Throws
// ProviderError{filter}.
std::vector<std::string> project_values(const ProjectScope& scope, const Options& options);

// Rows of a reply, in the order of the columns that the query's writer names. Columns that are not
// described are left out. Throws ProviderError.
SqlTable read_rows(const nlohmann::json& reply, const SqlQuery& query, const Options& options,
                   const std::vector<std::string>& projects);

// What a response that is no success means; `filtered`: a project filter was part of the query.
rest::Refusal refusal_of(const net::HttpResponse& response, const Options& options, int tried,
                         bool filtered);

} // namespace mr::powerbi
