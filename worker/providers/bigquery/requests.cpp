#include "shared/ids.h"
#include "worker/encoding.h"
#include "worker/providers/bigquery/wire.h"
#include "worker/providers/project_values.h"
#include "worker/providers/remote_json.h"
#include "worker/tools/sql_guard.h"
#include "worker/tools/tool.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace mr::bigquery {
namespace {

using nlohmann::json;

constexpr std::string_view kLabel = "mr-worker";
constexpr std::string_view kPretty = "prettyPrint=false";

// In the form of a UUID: BigQuery takes 36 characters.
std::string request_id(std::string_view step, const json& body) {
    const std::string text = std::string(step) + "\n" + rest::body_text(body);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
        throw std::runtime_error("no SHA-256 to be had");
    }
    std::string id(kSessionIdChars, '\0');
    format_session_id(digest.data(), id.data());
    return id;
}

json parameters(const std::vector<std::string>& projects) {
    json type;
    type["type"] = "ARRAY";
    type["arrayType"]["type"] = "STRING";
    json values = json::array();
    for (const std::string& project : projects) {
        values.push_back({{"value", project}});
    }
    json parameter;
    parameter["name"] = kProjectsParameter;
    parameter["parameterType"] = std::move(type);
    parameter["parameterValue"]["arrayValues"] = std::move(values);
    return json::array({std::move(parameter)});
}

// What a query and its dry run have in common.
json statement(const Guarded& query, const std::vector<std::string>& projects,
               const Options& options) {
    json body;
    body["query"] = query.sql;
    body["useLegacySql"] = false;
    body["useQueryCache"] = true;
    body["maximumBytesBilled"] = std::to_string(options.max_bytes);
    if (query.scoped) {
        body["parameterMode"] = "NAMED";
        body["queryParameters"] = parameters(projects);
    }
    return body;
}

std::string project_path(std::string_view project) {
    return "/projects/" + percent_encoded(project);
}

} // namespace

rest::ApiOptions api_options(const Options& options) {
    rest::ApiOptions api = rest::api_options("bigquery", "BigQuery", options);
    api.max_reply_bytes = kMaxPageBytes;
    return api;
}

std::vector<std::string> project_values(const ProjectScope& scope, const Options& options) {
    return mr::project_values(scope, options.project_value, "column", kMaxScopeProjects,
                              "BigQuery");
}

json query_body(const Guarded& query, const std::vector<std::string>& projects,
                std::string_view step, const Options& options) {
    json body = statement(query, projects, options);
    if (!options.location.empty()) {
        body["location"] = options.location;
    }
    body["maxResults"] = kMaxSqlRows;
    body["timeoutMs"] = options.wait.count();
    body["jobTimeoutMs"] = std::to_string(options.job_timeout.count());
    body["labels"]["app"] = kLabel;
    body["formatOptions"]["useInt64Timestamp"] = true;
    body["requestId"] = request_id(step, body);
    return body;
}

json dry_run_body(const Guarded& query, const std::vector<std::string>& projects,
                  const Options& options) {
    json body;
    if (!options.location.empty()) {
        body["jobReference"]["projectId"] = options.project;
        body["jobReference"]["location"] = options.location;
    }
    json& configuration = body["configuration"];
    configuration["dryRun"] = true;
    configuration["labels"]["app"] = kLabel;
    configuration["query"] = statement(query, projects, options);
    return body;
}

std::string queries_path(const Options& options) {
    return project_path(options.project) + "/queries?" + std::string(kPretty);
}

std::string jobs_path(const Options& options) {
    return project_path(options.project) + "/jobs?" + std::string(kPretty);
}

Job job_of(const json& reply, const Options& options) {
    const json& reference = member(reply, "jobReference");
    Job job;
    job.id = text_of(member(reference, "jobId"));
    job.project = text_of(member(reference, "projectId"));
    job.location = text_of(member(reference, "location"));
    if (job.project.empty()) {
        job.project = options.project;
    }
    if (job.location.empty()) {
        job.location = options.location;
    }
    return job;
}

std::string results_path(const Job& job, const std::string& page_token, const Options& options) {
    std::string path = project_path(job.project) + "/queries/" + percent_encoded(job.id) + "?" +
                       std::string(kPretty) + "&maxResults=" + std::to_string(kMaxSqlRows) +
                       "&timeoutMs=" + std::to_string(options.wait.count()) +
                       "&formatOptions.useInt64Timestamp=true";
    path += job.location.empty() ? "" : "&location=" + percent_encoded(job.location);
    path += page_token.empty() ? "" : "&pageToken=" + percent_encoded(page_token);
    return path;
}

std::string cancel_path(const Job& job) {
    return project_path(job.project) + "/jobs/" + percent_encoded(job.id) + "/cancel?" +
           std::string(kPretty) +
           (job.location.empty() ? "" : "&location=" + percent_encoded(job.location));
}

std::string table_path(const Table& table) {
    return project_path(table.project) + "/datasets/" + percent_encoded(table.dataset) +
           "/tables/" + percent_encoded(table.name) + "?" + std::string(kPretty);
}

void check_dry_run(const json& reply, const Guarded& query, const Options& options) {
    const json& error = member(member(reply, "status"), "errorResult");
    if (!error.is_null()) {
        const Verdict verdict = verdict_of(error);
        if (!verdict.advice.empty()) {
            throw QueryRefused(verdict.refusal.fault, verdict.refusal.text, verdict.advice);
        }
        throw ProviderError(verdict.refusal.fault, verdict.refusal.text);
    }
    const json& statistics = member(member(reply, "statistics"), "query");
    const auto refuse_it = [](const std::string& why) {
        const std::string text = "the query was refused: " + why;
        throw QueryRefused(ProviderFault::bad_request, text, text);
    };
    if (text_of(member(statistics, "statementType")) != "SELECT") {
        refuse_it("only SELECT is allowed");
    }
    const json& referenced = member(statistics, "referencedTables");
    if (referenced.size() > kMaxTables) {
        refuse_it("it reads too many tables");
    }
    for (const json& one : items_of(referenced)) {
        const auto same = [&one](const Table& table) {
            return text_of(member(one, "projectId")) == table.project &&
                   text_of(member(one, "datasetId")) == table.dataset &&
                   text_of(member(one, "tableId")) == table.name;
        };
        const auto& beneath = options.tables.beneath;
        const bool known = std::any_of(query.tables.begin(), query.tables.end(),
                                       [&](const Table* table) { return same(*table); }) ||
                           std::any_of(beneath.begin(), beneath.end(), same);
        if (!known) {
            refuse_it("it reads a table that is not known: " +
                      clipped(text_of(member(one, "tableId")), rest::kMaxDetailBytes));
        }
    }
    const std::int64_t bytes =
        std::max(count_of(member(statistics, "totalBytesProcessed")),
                 count_of(member(member(reply, "statistics"), "totalBytesProcessed")));
    if (bytes > static_cast<std::int64_t>(options.max_bytes)) {
        throw QueryRefused(ProviderFault::bad_request, "the query would read too much",
                           "it would read " + std::to_string(bytes) + " bytes, and may read " +
                               std::to_string(options.max_bytes) +
                               ": name fewer columns, or fewer tables");
    }
}

} // namespace mr::bigquery
