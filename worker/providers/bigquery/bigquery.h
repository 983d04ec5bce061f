// BigQuery as the engine of queries, over its REST API. Tables are read by the short names of the
// settings alone: a query is checked by its words (guard.h), then given those tables as WITH
// clauses, each confined to the projects in scope, then proved by a dry run to be a SELECT of these
// tables within the limit of bytes, and only then run.
//
// No default dataset is ever sent, so a short name can mean nothing but its WITH clause. A query
// that is left, by a stopped turn or a deadline, is cancelled at BigQuery too.
//
// https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/bigquery/tables.h"
#include "worker/providers/credential.h"
#include "worker/providers/interfaces.h"
#include "worker/providers/rest/api.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mr::bigquery {

inline constexpr std::size_t kMaxPages = 20;   // of one result
inline constexpr std::size_t kMaxPolls = 1000; // of one query; its deadline comes first
inline constexpr std::size_t kMaxPageBytes = 16 * 1024 * 1024;
inline constexpr std::size_t kMaxSchemaBytes = 64 * 1024; // what a writer is given
inline constexpr std::chrono::minutes kSchemaKept{60};
inline constexpr std::chrono::milliseconds kFirstPoll{100}; // doubled up to the next
inline constexpr std::chrono::milliseconds kPollPause{1'000};
// Behind its call's deadline: until a query that is left has been found and cancelled.
inline constexpr std::chrono::seconds kCancelTime{15};

struct Options {
    rest::Endpoint endpoint;
    std::string project;  // that is billed
    std::string location; // of the datasets; empty: BigQuery finds it
    Tables tables;
    std::string project_value = "code";       // what the project columns hold: "id", "code", "name"
    std::string schema;                       // as described; empty: it is asked for
    std::uint64_t max_bytes = 10'000'000'000; // read and billed for one query
    std::chrono::milliseconds wait{5'000};    // of one request for rows that are not there yet
    std::chrono::milliseconds job_timeout{30'000}; // BigQuery stops a query itself
    unsigned max_retries = 2;
    std::chrono::milliseconds retry_base{1'000};
};

// The HTTP client is shared with other providers and outlives the result.
std::unique_ptr<SqlEngine> make_sql_engine(std::shared_ptr<net::HttpClient> http,
                                           std::shared_ptr<Credential> credential, Options options);

} // namespace mr::bigquery
