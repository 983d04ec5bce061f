// What the tests of BigQuery share: replies of its kind, a scripted server that gives them in
// order.
#pragma once

#include "tests/unit/worker_http_support.h"
#include "tests/unit/worker_scope.h"
#include "tests/unit/worker_scripted_api.h"
#include "worker/providers/bigquery/bigquery.h"
#include "worker/providers/bigquery/wire.h"
#include "worker/tools/sql_guard.h"

namespace mr::test::bq {

using nlohmann::json;

inline const std::string kToken = "ya29.secret";

inline json field(const std::string& name, const std::string& type, const std::string& mode = "") {
    json out;
    out["name"] = name;
    out["type"] = type;
    if (!mode.empty()) {
        out["mode"] = mode;
    }
    return out;
}

inline json job(bool complete) {
    json reply;
    reply["jobComplete"] = complete;
    reply["jobReference"] = {{"projectId", "p"}, {"jobId", "job_1"}, {"location", "EU"}};
    return reply;
}

// A finished query of one text column.
inline json rows(const std::vector<std::string>& values, const std::string& token = "") {
    json reply = job(true);
    reply["schema"]["fields"] = json::array({field("name", "STRING")});
    reply["rows"] = json::array();
    for (const std::string& value : values) {
        json cell;
        cell["v"] = value;
        json row;
        row["f"] = json::array({cell});
        reply["rows"].push_back(row);
    }
    if (!token.empty()) {
        reply["pageToken"] = token;
    }
    return reply;
}

inline json dry(const std::string& type = "SELECT", const std::string& table = "invoices",
                const std::string& bytes = "1000") {
    json one;
    one["projectId"] = "p";
    one["datasetId"] = "sales";
    one["tableId"] = table;
    json reply;
    reply["status"]["state"] = "DONE";
    reply["statistics"]["query"] = {{"statementType", type},
                                    {"totalBytesProcessed", bytes},
                                    {"referencedTables", json::array({one})}};
    return reply;
}

inline std::string ok(const json& body) {
    return http_answer(body.dump());
}

inline std::string refused(const std::string& reason, const std::string& status,
                           const std::string& message = "It went wrong.") {
    json error;
    error["message"] = message;
    error["errors"] = json::array({{{"reason", reason}, {"message", message}}});
    json body;
    body["error"] = error;
    return http_answer(body.dump(), status);
}

// Behind the last answer it is silent.
struct Warehouse : ScriptedApi {
    explicit Warehouse(std::vector<std::string> all) : ScriptedApi(std::move(all)) {
        beyond.clear();
        options.endpoint.base_url = server.url("/bigquery/v2");
        options.project = "p";
        options.location = "EU";
        options.tables = bigquery::parse_tables(
            "sales.invoices:project_code,sales.vendors:-,sales.all_bids:project_code", "raw.bids",
            "p");
        options.retry_base = milliseconds(1);
        options.wait = milliseconds(100);
    }

    std::unique_ptr<SqlEngine> make() {
        return bigquery::make_sql_engine(std::make_shared<net::HttpClient>(),
                                         make_key_credential("Authorization: Bearer ", kToken),
                                         options);
    }
    SqlTable ask(const std::string& sql, const ProjectScope& scope = ProjectScope()) {
        const auto engine = make();
        SqlQuery query;
        query.sql = sql;
        SqlTable table;
        CallContext call = call_for(std::chrono::seconds(20));
        loop.run(run(*engine, query, scope, call, table));
        return table;
    }
    // Of a query that fails.
    ProviderFault fault(const std::string& sql, const ProjectScope& scope = ProjectScope()) {
        reason.clear();
        try {
            ask(sql, scope);
        } catch (const QueryRefused& error) {
            reason = error.reason();
            return error.fault();
        } catch (const ProviderError& error) {
            EXPECT_EQ(std::string(error.what()).find(kToken), std::string::npos);
            return error.fault();
        }
        ADD_FAILURE() << "no ProviderError: " << sql;
        return ProviderFault::bad_reply;
    }
    static CallContext call_for(std::chrono::milliseconds time) {
        CallContext call;
        call.deadline = Clock::now() + time;
        call.step = "turn-1/t1";
        return call;
    }
    static awaitable<void> run(SqlEngine& engine, const SqlQuery& query, const ProjectScope& scope,
                               CallContext& call, SqlTable& table) {
        table = co_await engine.run(query, scope, call);
    }

    std::string reason; // of QueryRefused
    bigquery::Options options;
};

inline const std::string kSql = "SELECT i.name FROM invoices i";
inline const std::string kConfined =
    "WITH `invoices` AS (SELECT * FROM `p.sales.invoices` WHERE CAST(`project_code` AS STRING) IN "
    "UNNEST(@mr_projects))\n" +
    kSql;

} // namespace mr::test::bq
