// What BigQuery is asked and what its replies say. Pure: no I/O, no state. Replies are remote
// input: unknown fields are ignored, a missing one and null mean the same.
#pragma once

#include "worker/providers/bigquery/bigquery.h"
#include "worker/providers/bigquery/guard.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mr::bigquery {

rest::ApiOptions api_options(const Options& options);

// What the project columns are to hold. Throws ProviderError{filter}.
std::vector<std::string> project_values(const ProjectScope& scope, const Options& options);

// Of one query in one step of one turn. The same step and query make the same body, with the same
// requestId: a retry of it, and a takeover by another worker, find the same job.
nlohmann::json query_body(const Guarded& query, const std::vector<std::string>& projects,
                          std::string_view step, const Options& options);
nlohmann::json dry_run_body(const Guarded& query, const std::vector<std::string>& projects,
                            const Options& options);

std::string queries_path(const Options& options);
std::string jobs_path(const Options& options);

// A job that runs or ran.
struct Job {
    std::string project;
    std::string id; // empty: unknown
    std::string location;
};
Job job_of(const nlohmann::json& reply, const Options& options);
std::string results_path(const Job& job, const std::string& page_token, const Options& options);
std::string cancel_path(const Job& job);
std::string table_path(const Table& table);

// Throws ProviderError when the dry run does not prove the query to be a SELECT of these tables,
// and those beneath them, within the limit of bytes.
void check_dry_run(const nlohmann::json& reply, const Guarded& query, const Options& options);

// Adds the rows of a page, and its columns when there are none yet. False: the table is full.
// Throws ProviderError{bad_reply}.
bool read_page(const nlohmann::json& reply, SqlTable& table, std::size_t& bytes);

// The lines of a table for a writer of queries, from its resource (tables.get).
std::string described(const nlohmann::json& reply, const Table& table);

// What a refusal means: by the reason it gives first, by status second. `tried` counts from 1;
// `advice` is for the writer of queries: empty where no other wording helps.
struct Verdict {
    rest::Refusal refusal;
    std::string advice;
};
Verdict verdict_of(const net::HttpResponse& response, const Options& options, int tried);
// Of a job that ended with an error inside a good reply.
Verdict verdict_of(const nlohmann::json& error_proto);

} // namespace mr::bigquery
