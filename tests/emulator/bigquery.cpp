// BigQuery REST v2: queries, their jobs, pages, cancelling, dry runs, tables; section 6.
#include "tests/emulator/bigquery.h"

#include "tests/emulator/google.h"

#include <algorithm>
#include <map>

namespace mr::emulator {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxJobs = 10'000;

struct Job {
    std::string id, project, location, body;
    json fields = json::array(), rows = json::array();
    json said; // by the script
    std::string sql, statement;
    std::size_t pending = 0, page_rows = 0;
    bool cancelled = false, int64_timestamps = false;
};

json sample() {
    return {{"fields",
             {{{"name", "id"}, {"type", "INTEGER"}, {"mode", "NULLABLE"}},
              {{"name", "name"}, {"type", "STRING"}, {"mode", "NULLABLE"}}}},
            {"rows", {{1, "one"}, {2, "two"}, {3, nullptr}}}};
}

class BigQuery final : public Provider {
  public:
    explicit BigQuery(const Account& account) : account_(account) {}

    std::optional<Answer> refuse(Call& call) override {
        call.record.endpoint = endpoint_of(call);
        if (call.record.endpoint.empty()) {
            return refusal(call, 404, "notFound", "There is nothing at this path.");
        }
        if (const auto problem = google::unauthorized(call, account_)) {
            return refusal(call, 401, "authError", "Not authenticated: " + *problem + ".");
        }
        const std::string& endpoint = call.record.endpoint;
        if (endpoint == "query" || endpoint == "insert") {
            return refuse_body(call);
        }
        if (endpoint == "table") {
            return std::nullopt;
        }
        const auto job = jobs_.find(split_path(call.path)[5]);
        if (job == jobs_.end() || (job->second.location != call.query("location"))) {
            return refusal(call, 404, "notFound", "There is no such job in this location.");
        }
        return std::nullopt;
    }

    Answer answer(Call& call, const Behaviour& how) override {
        const std::string& endpoint = call.record.endpoint;
        if (endpoint == "query") {
            return query(call, how);
        }
        if (endpoint == "insert") {
            return insert(call, how);
        }
        if (endpoint == "table") {
            return table(call, how);
        }
        Job& job = jobs_.at(split_path(call.path)[5]);
        if (endpoint == "cancel") {
            job.cancelled = true;
            return json_answer(200, {{"kind", "bigquery#jobCancelResponse"}, {"job", state(job)}});
        }
        return endpoint == "job" ? json_answer(200, state(job)) : results(call, job);
    }

    Answer fail(const Call&, int status, const json& error) override {
        static const std::map<int, const char*> kReasons{
            {400, "invalidQuery"}, {401, "authError"},         {403, "accessDenied"},
            {404, "notFound"},     {429, "rateLimitExceeded"}, {500, "internalError"},
            {503, "backendError"}};
        const auto known = kReasons.find(status);
        const json reason =
            field_of(error, "reason", known == kReasons.end() ? "backendError" : known->second);
        json as = error.is_object() ? error : json::object();
        as.erase("reason"); // here it stands in errors, not in details
        json body = google::error_body(status, as);
        body["error"]["errors"] = json::array(
            {{{"message", body["error"]["message"]}, {"domain", "global"}, {"reason", reason}}});
        return json_answer(status, body);
    }

  private:
    // /bigquery/v2/projects/P/queries[/JOB], …/jobs[/JOB[/cancel]], …/datasets/D/tables/T
    static std::string endpoint_of(const Call& call) {
        const std::vector<std::string> parts = split_path(call.path);
        const bool post = call.request.method == "POST";
        if (parts.size() < 5 || parts[0] != "bigquery" || parts[1] != "v2" ||
            parts[2] != "projects" || (!post && call.request.method != "GET")) {
            return {};
        }
        if (parts.size() == 8 && !post && parts[4] == "datasets" && parts[6] == "tables") {
            return "table";
        }
        const bool jobs = parts[4] == "jobs";
        if (!jobs && parts[4] != "queries") {
            return {};
        }
        if (parts.size() == 5) {
            return !post ? "" : jobs ? "insert" : "query";
        }
        if (parts.size() == 7 && jobs && post && parts[6] == "cancel") {
            return "cancel";
        }
        return parts.size() == 6 && !post ? (jobs ? "job" : "results") : "";
    }

    Answer refusal(Call& call, int status, const char* reason, const std::string& text) {
        call.record.problem = text;
        return fail(call, status, {{"reason", reason}, {"message", text}});
    }

    std::optional<Answer> refuse_body(Call& call) {
        const bool query = call.record.endpoint == "query";
        if (!is_json(call.request) || !call.body.is_object()) {
            return refusal(call, 400, "parseError", "The body is not a JSON object.");
        }
        if (const Found problem =
                query ? bigquery::check_query(call.body) : bigquery::check_job(call.body)) {
            return refusal(call, 400, "invalid", google::words(*problem));
        }
        const json& sql = query ? call.body : call.body["configuration"]["query"];
        const std::string parameters = dump(sql.value("queryParameters", json::array()));
        for (std::size_t at = 0; (at = parameters.find("\"value\":", at)) != std::string::npos;) {
            at += 8;
            if (parameters[at] != '"') {
                call.record.notes.emplace_back("a parameter's value is not a string");
                break;
            }
        }
        if (sql.value("useLegacySql", true)) {
            call.record.notes.emplace_back("legacy SQL: useLegacySql is not false");
        }
        return std::nullopt;
    }

    // The resource of a table; the script has its fields, each with a description perhaps.
    static Answer table(const Call& call, const Behaviour& how) {
        const std::vector<std::string> parts = split_path(call.path);
        const json said = how.answer.is_object() ? how.answer : sample();
        json body = {{"kind", "bigquery#table"},
                     {"type", "TABLE"},
                     {"tableReference",
                      {{"projectId", parts[3]}, {"datasetId", parts[5]}, {"tableId", parts[7]}}},
                     {"schema", {{"fields", said.value("fields", json::array())}}}};
        if (said.contains("description")) {
            body["description"] = said["description"];
        }
        return json_answer(200, body);
    }

    // A job of a statement; the script has its columns and rows.
    Job make_job(const Call& call, const json& sql, const std::string& location,
                 const Behaviour& how) {
        Job job;
        job.id = fresh_id("job_");
        job.project = split_path(call.path)[3];
        job.location = location.empty() ? "US" : location;
        job.body = call.request.body;
        job.sql = sql["query"];
        job.said = how.answer.is_object() ? how.answer : sample();
        job.statement = job.said.value("statementType", bigquery::statement_type(job.sql));
        job.fields = job.said.value("fields", json::array());
        job.rows = job.said.value("rows", json::array());
        job.pending = how.pending;
        job.page_rows = how.page_rows;
        return job;
    }

    Job& keep(Job job) {
        if (jobs_.size() >= kMaxJobs) {
            jobs_.clear();
            by_request_.clear();
        }
        const std::string id = job.id;
        return jobs_[id] = std::move(job);
    }

    // What it costs more than it may: an error that the job ends with.
    std::optional<Answer> too_dear(const Call& call, const json& sql, const Job& job) {
        const json limit = sql.value("maximumBytesBilled", json());
        if (limit.is_null()) {
            return std::nullopt;
        }
        const double allowed =
            limit.is_string() ? std::stod(limit.get<std::string>()) : limit.get<double>();
        if (bytes_of(job) > allowed) {
            return fail(call, 400,
                        {{"reason", "bytesBilledLimitExceeded"},
                         {"message", "Query exceeded limit for bytes billed."}});
        }
        return std::nullopt;
    }

    static double bytes_of(const Job& job) {
        return std::stod(job.said.value("totalBytesProcessed", "0"));
    }

    Answer query(Call& call, const Behaviour& how) {
        const std::string request_id = call.body.value("requestId", "");
        if (const auto same = by_request_.find(request_id);
            !request_id.empty() && same != by_request_.end() &&
            jobs_[same->second].body == call.request.body) {
            call.record.notes.emplace_back("requestId found its job again");
            return results(call, jobs_[same->second]);
        }
        Job job = make_job(call, call.body, call.body.value("location", ""), how);
        if (call.body.contains("formatOptions")) {
            job.int64_timestamps = call.body["formatOptions"].value("useInt64Timestamp", false);
        }
        if (call.body.value("dryRun", false)) {
            return json_answer(
                200, {{"kind", "bigquery#queryResponse"},
                      {"jobComplete", true},
                      {"jobReference", {{"projectId", job.project}, {"location", job.location}}},
                      {"schema", {{"fields", job.fields}}},
                      {"totalBytesProcessed", job.said.value("totalBytesProcessed", "0")},
                      {"cacheHit", false},
                      {"statementType", job.statement}});
        }
        if (auto refused = too_dear(call, call.body, job)) {
            return *refused;
        }
        Job& kept = keep(std::move(job));
        if (!request_id.empty()) {
            by_request_[request_id] = kept.id;
        }
        return results(call, kept);
    }

    Answer insert(Call& call, const Behaviour& how) {
        const json& configuration = call.body["configuration"];
        const json reference = call.body.value("jobReference", json::object());
        Job job = make_job(call, configuration["query"], reference.value("location", ""), how);
        job.id = reference.value("jobId", job.id);
        if (configuration.value("dryRun", false)) {
            json out = state(job);
            out["configuration"] = configuration;
            out["jobReference"].erase("jobId");
            return json_answer(200, out);
        }
        if (auto refused = too_dear(call, configuration["query"], job)) {
            return *refused;
        }
        return json_answer(200, state(keep(std::move(job))));
    }

    static json reference(const Job& job) {
        return {{"projectId", job.project}, {"jobId", job.id}, {"location", job.location}};
    }

    static json state(const Job& job) {
        json status = {{"state", job.pending > 0 && !job.cancelled ? "RUNNING" : "DONE"}};
        if (job.cancelled) {
            status["errorResult"] = {{"reason", "stopped"}, {"message", "Job was cancelled."}};
        } else if (job.said.contains("errorResult")) {
            status["errorResult"] = job.said["errorResult"];
        }
        json query = {
            {"statementType", job.statement},
            {"totalBytesProcessed", job.said.value("totalBytesProcessed", "0")},
            {"referencedTables", job.said.value("referencedTables", bigquery::tables_in(job.sql))},
            {"schema", {{"fields", job.fields}}}};
        if (job.said.contains("undeclaredQueryParameters")) {
            query["undeclaredQueryParameters"] = job.said["undeclaredQueryParameters"];
        }
        return {{"kind", "bigquery#job"},
                {"id", job.project + ":" + job.location + "." + job.id},
                {"jobReference", reference(job)},
                {"status", status},
                {"statistics",
                 {{"totalBytesProcessed", query["totalBytesProcessed"]}, {"query", query}}}};
    }

    Answer results(const Call& call, Job& job) {
        if (job.cancelled) {
            return fail(call, 400, {{"reason", "stopped"}, {"message", "Job was cancelled."}});
        }
        json body = {{"kind", "bigquery#queryResponse"},
                     {"jobReference", reference(job)},
                     {"jobComplete", job.pending == 0}};
        if (job.pending > 0) {
            --job.pending;
            return json_answer(200, body);
        }
        const bool post = call.request.method == "POST";
        const std::string token = post ? "" : call.query("pageToken");
        const bool int64 =
            job.int64_timestamps || call.query("formatOptions.useInt64Timestamp") == "true";
        const std::size_t first =
            std::min(job.rows.size(), token.empty() ? 0 : std::strtoul(token.c_str(), nullptr, 10));
        const std::size_t asked = post
                                      ? call.body.value("maxResults", std::size_t(0))
                                      : std::strtoul(call.query("maxResults").c_str(), nullptr, 10);
        std::size_t size = job.rows.size() - first;
        for (const std::size_t limit : {asked, job.page_rows}) {
            size = limit > 0 ? std::min(size, limit) : size;
        }
        json page(json::value_t::array);
        for (std::size_t i = first; i < first + size; ++i) {
            page.push_back(job.rows[i]);
        }
        body["schema"] = {{"fields", job.fields}};
        body["rows"] = bigquery::encode_rows(page, job.fields, int64);
        body["totalRows"] = std::to_string(job.rows.size());
        if (first + size < job.rows.size()) {
            body["pageToken"] = std::to_string(first + size);
        }
        body["totalBytesProcessed"] = job.said.value("totalBytesProcessed", "0");
        body["cacheHit"] = false;
        body["statementType"] = job.statement;
        if (job.said.contains("errors")) {
            body["errors"] = job.said["errors"];
        }
        return json_answer(200, body);
    }

    const Account& account_;
    std::map<std::string, Job> jobs_;
    std::map<std::string, std::string> by_request_; // requestId → job
};

} // namespace

std::unique_ptr<Provider> make_bigquery(const Account& account) {
    return std::make_unique<BigQuery>(account);
}

} // namespace mr::emulator
