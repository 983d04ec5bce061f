// BigQuery: a query over all tables that may be asked, with their project columns, which is planned
// and not run (dry run): so the rights to ask and to read are both looked at. It costs nothing.
#include "worker/checks/verdict.h"
#include "worker/settings_data.h"

#include <utility>

namespace mr::checkup {
namespace {

using nlohmann::json;

Target bigquery_target(const Settings& settings, const Run& run) {
    const BigQuerySettings& bigquery = settings.bigquery;
    Target target = target_of(settings, bigquery, "BigQuery", "bigquery");
    target.headers.push_back("Authorization: Bearer " + run.google_token);
    target.secret = run.google_token;
    target.key_cure = "let google_credentials_file name a key of an account that is enabled";
    target.permission_cure = "enable the BigQuery API in project " + bigquery.project +
                             " and give the account the roles BigQuery Job User there and BigQuery "
                             "Data Viewer on the data set";
    target.missing_cure =
        "correct bigquery_project, bigquery_dataset, bigquery_tables or bigquery_location";
    target.quota_cure = "enable billing for project " + bigquery.project + " or raise its quota";
    target.region_cure = "correct bigquery_location";
    return target;
}

// Names are plain (bigquery_tables), so quotes hold them.
std::string query_over(const std::vector<bigquery::Table>& tables) {
    std::string query;
    for (const bigquery::Table& table : tables) {
        query +=
            (query.empty() ? "SELECT 1 FROM `" : " UNION ALL SELECT 1 FROM `") + table.path() + "`";
        if (table.scoped()) {
            query += " WHERE `" + table.project_column + "` IS NULL";
        }
    }
    return query;
}

Question dry_run(const BigQuerySettings& settings, const std::string& query) {
    json body;
    body["query"] = query;
    body["useLegacySql"] = false;
    body["dryRun"] = true;
    if (!settings.location.empty()) {
        body["location"] = settings.location;
    }
    return Question("POST", "/projects/" + settings.project + "/queries?prettyPrint=false",
                    body.dump());
}

} // namespace

Task<void> check_bigquery(const Settings& settings, Run& run, Finding& finding) {
    const std::vector<bigquery::Table> tables = bigquery_tables(settings.bigquery).readable;
    finding.resource = std::to_string(tables.size()) + " tables";
    if (run.google_token.empty()) {
        fail(finding, Trouble::skipped, "not asked: Google has given no access token",
             "see the row of google");
        co_return;
    }
    Target target = bigquery_target(settings, run);
    target.missing = "project, table or location of that name";
    Question question = dry_run(settings.bigquery, query_over(tables));
    const Reply reply = co_await ask(run, target, std::move(question));
    if (judge(reply, run, target, finding)) {
        finding.there = true;
        co_return;
    }
    const ErrorWords error = error_words(reply.json, target.secret);
    if (finding.trouble == Trouble::missing && !error.message.empty()) {
        finding.cause += ": " + error.message; // which of them
    }
    if (error.has("invalidQuery")) {
        finding.authorised = true;
        finding.there = false;
        fail(finding, Trouble::missing, "BigQuery cannot read the tables: " + error.message,
             "correct bigquery_tables: names and project columns");
    }
}

} // namespace mr::checkup
