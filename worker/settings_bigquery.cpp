// What BigQuery's settings must hold, and what they are in the words of the services.
#include "worker/log.h"
#include "worker/settings_checks.h"
#include "worker/settings_data.h"
#include "worker/small_file.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace mr {
namespace {

using checks::Origin;
using checks::refuse;

// A table without a dataset has that of the settings.
std::string with_dataset(const std::string& tables, const std::string& dataset) {
    std::string out;
    for (std::size_t at = 0; at < tables.size();) {
        const std::size_t end = std::min(tables.find(',', at), tables.size());
        const std::string entry = checks::trimmed(tables.substr(at, end - at));
        const bool bare = entry.substr(0, entry.find(':')).find('.') == std::string::npos;
        if (!entry.empty()) {
            out +=
                (out.empty() ? "" : ",") + (bare && !dataset.empty() ? dataset + "." : "") + entry;
        }
        at = end + 1;
    }
    return out;
}

std::string read_schema(const std::string& path, const Origin& origin) {
    try {
        std::string text = read_small_file(path, bigquery::kMaxSchemaBytes);
        if (!checks::trimmed(text).empty()) {
            return text;
        }
    } catch (const std::runtime_error& error) {
        refuse(origin, "bigquery_schema_file", "names " + path + ": " + error.what());
    }
    refuse(origin, "bigquery_schema_file", "names " + path + ": it is empty");
}

// The embedded writer knows the embedded tables, in SQLite's words.
void check_writer(const Settings& settings, const Origin& origin) {
    const std::vector<std::string> writers = settings.providers_of("sql_writer");
    if (writers.empty()) {
        refuse(origin, "bigquery_project",
               "needs a language model that writes the queries: give a key of openai, anthropic or "
               "gemini");
    }
    if (std::find(writers.begin(), writers.end(), "embedded") != writers.end()) {
        refuse(origin, "sql_writer",
               "names embedded, which writes for the embedded tables alone: leave it out, or "
               "bigquery_project");
    }
}

bigquery::Lookup lookup_of(const BigQuerySettings& from) {
    bigquery::Lookup lookup;
    const std::string table = with_dataset(from.project_lookup + ":-", from.dataset);
    lookup.table = bigquery::parse_tables(table, "", from.project).readable.at(0);
    lookup.columns = bigquery::parse_lookup_columns(from.project_lookup_columns);
    return lookup;
}

void check_lookup(const Settings& settings, const Origin& origin) {
    const BigQuerySettings& from = settings.bigquery;
    if (from.project_lookup.empty()) {
        return;
    }
    if (!settings.projects_file.empty()) {
        refuse(origin, "bigquery_project_lookup",
               "and projects_file are both given: leave one out");
    }
    try {
        lookup_of(from);
    } catch (const std::runtime_error& error) {
        refuse(origin, "bigquery_project_lookup",
               std::string("or bigquery_project_lookup_columns: ") + error.what());
    }
}

} // namespace

void checks::check_bigquery(Settings& settings, const Origin& origin) {
    BigQuerySettings& from = settings.bigquery;
    check_connection(from, "bigquery", origin);
    if (from.project_value != "id" && from.project_value != "code" &&
        from.project_value != "name") {
        refuse(origin, "bigquery_project_value",
               "is '" + from.project_value + "', not id, code or name");
    }
    if (!settings.bigquery_active()) {
        return;
    }
    if (!bigquery::plain(from.project, true)) {
        refuse(origin, "bigquery_project", "holds characters that no project's id has");
    }
    if (!from.location.empty() && !bigquery::plain(from.location, true)) {
        refuse(origin, "bigquery_location", "is no location such as EU or europe-west4");
    }
    if (!from.dataset.empty() && !bigquery::plain(from.dataset, false)) {
        refuse(origin, "bigquery_dataset", "holds characters that no dataset's name has");
    }
    try {
        if (bigquery_tables(from).readable.empty()) {
            refuse(origin, "bigquery_tables",
                   "is empty: name what may be read, as in sales.invoices:project_id");
        }
    } catch (const SettingsError&) {
        throw;
    } catch (const std::runtime_error& error) {
        refuse(origin, "bigquery_tables", std::string("or bigquery_base_tables: ") + error.what());
    }
    check_lookup(settings, origin);
    if (!from.schema_file.empty()) {
        from.schema = read_schema(from.schema_file, origin);
    }
    check_google_access(settings, origin);
    check_writer(settings, origin);
}

bigquery::Tables bigquery_tables(const BigQuerySettings& from) {
    return bigquery::parse_tables(with_dataset(from.tables, from.dataset),
                                  with_dataset(from.base_tables, from.dataset), from.project);
}

void set_bigquery(const Settings& settings, ServiceSettings& services) {
    if (!settings.bigquery_active()) {
        return;
    }
    const BigQuerySettings& from = settings.bigquery;
    BigQuerySetup setup;
    setup.access = google_access(settings);
    bigquery::Options& options = setup.options;
    options.endpoint = endpoint_of(from, settings);
    options.endpoint.first_byte_timeout += from.wait; // BigQuery is silent for that long
    options.project = from.project;
    options.location = from.location;
    options.tables = bigquery_tables(from);
    options.project_value = from.project_value;
    options.schema = from.schema;
    options.max_bytes = from.max_bytes;
    options.wait = from.wait;
    options.job_timeout = from.job_timeout;
    options.max_retries = static_cast<unsigned>(from.retries);
    if (!from.project_lookup.empty()) {
        setup.lookup = lookup_of(from);
    }
    log::info("queries are run by BigQuery", {{"provider", "bigquery"},
                                              {"url", from.base_url},
                                              {"project", from.project},
                                              {"tables", options.tables.readable.size()}});
    services.bigquery = std::move(setup);
}

} // namespace mr
