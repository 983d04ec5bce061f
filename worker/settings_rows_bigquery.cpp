// The part of the table of settings that is about BigQuery.
#include "worker/settings_tables.h"

namespace mr {
namespace {

template <typename T> SettingMember bigquery(T BigQuerySettings::* part) {
    return {&Settings::bigquery, part};
}

const SettingRow kRows[] = {
    {"bigquery_project", "", bigquery(&BigQuerySettings::project), 0, 0, "name",
     "Google Cloud project that pays: queries are run by BigQuery, with Google's credentials"},
    {"bigquery_location", "", bigquery(&BigQuerySettings::location), 0, 0, "name",
     "of the datasets: US, EU or a region; empty: BigQuery finds it"},
    {"bigquery_dataset", "", bigquery(&BigQuerySettings::dataset), 0, 0, "name",
     "of tables that are named without one"},
    {"bigquery_tables", "", bigquery(&BigQuerySettings::tables), 0, 0, "list",
     "what may be read: sales.invoices:project_id, sales.vendors:-; behind the colon the column "
     "that holds the project, - where the rows belong to none"},
    {"bigquery_base_tables", "", bigquery(&BigQuerySettings::base_tables), 0, 0, "list",
     "tables that views among bigquery_tables read: raw.invoices, raw.clients"},
    {"bigquery_project_value", "code", bigquery(&BigQuerySettings::project_value), 0, 0, "word",
     "what the project columns hold of a project: id, code or name"},
    {"bigquery_project_lookup", "", bigquery(&BigQuerySettings::project_lookup), 0, 0, "name",
     "table or view with the projects that questions are about, as sales.v_project_lookup; one row "
     "for each name of a project"},
    {"bigquery_project_lookup_columns", "project_id,name,code,alias",
     bigquery(&BigQuerySettings::project_lookup_columns), 0, 0, "names",
     "its columns of these meanings; - for no code, or no alias"},
    {"bigquery_schema_file", "", bigquery(&BigQuerySettings::schema_file), 0, 0, "path",
     "text that describes the tables to the writer of queries; empty: BigQuery's own descriptions"},
    {"bigquery_max_bytes", "10000000000", bigquery(&BigQuerySettings::max_bytes), 10'000'000,
     1'000'000'000'000'000, "bytes", "most that one query may read and be billed for"},
    {"bigquery_wait", "5s", bigquery(&BigQuerySettings::wait), 100, kMinute, "",
     "how long BigQuery holds a request for rows that are not there yet"},
    {"bigquery_job_timeout", "30s", bigquery(&BigQuerySettings::job_timeout), kSecond, kHour, "",
     "after which BigQuery stops a query itself"},
    {"bigquery_retries", "2", bigquery(&BigQuerySettings::retries), 0, 10, "count",
     "further tries of a request that failed"},
    {"bigquery_base_url", kBigQueryUrl, bigquery(&BigQuerySettings::base_url), 0, 0, "URL",
     "server that speaks BigQuery's REST API, with its version"},
    {"bigquery_ca_file", "", bigquery(&BigQuerySettings::ca_file), 0, 0, "path",
     "instead of provider_ca_file, for BigQuery alone"},
    {"bigquery_proxy", "", bigquery(&BigQuerySettings::proxy), 0, 0, "URL",
     "instead of provider_proxy, for BigQuery alone", true},
    {"bigquery_connect_to", "", bigquery(&BigQuerySettings::connect_to), 0, 0, "host:port",
     "connected to instead of the URL's host; certificates are checked for the URL's"},
};

} // namespace

std::span<const SettingRow> bigquery_setting_rows() {
    return kRows;
}

} // namespace mr
