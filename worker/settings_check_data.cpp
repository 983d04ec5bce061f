// What the settings of providers of data must hold, and which of them are to be asked.
#include "worker/providers/directory/project_list.h"
#include "worker/providers/powerbi/schema.h"
#include "worker/settings_checks.h"

#include <stdexcept>
#include <utility>

namespace mr {
namespace checks {
namespace {

// One part of a URL's path, or nothing.
bool path_part(const std::string& text) {
    return plain_name(text) && text.find('/') == std::string::npos;
}

void check_hubspot(HubSpotSettings& hubspot, const Origin& origin) {
    read_api_key(hubspot, "hubspot", origin);
    check_connection(hubspot, "hubspot", origin);
    check_api_path(hubspot.objects_path, origin, "hubspot_objects_path");
    check_api_path(hubspot.pipelines_path, origin, "hubspot_pipelines_path");
    if (!plain_name(hubspot.project_property)) {
        refuse(origin, "hubspot_project_property", "holds characters that no property's name has");
    }
    check_word(hubspot.project_value, {"id", "code", "name"}, origin, "hubspot_project_value");
    check_api_path(hubspot.associations_path, origin, "hubspot_associations_path");
    if (!path_part(hubspot.project_object)) {
        refuse(origin, "hubspot_project_object", "is no type such as deals or 2-1234567");
    }
    if (!hubspot.project_object.empty() && hubspot.project_property.empty()) {
        refuse(origin, "hubspot_project_object",
               "needs hubspot_project_property: the property that says whose project a record is");
    }
}

void check_vertex_names(const VertexSearchSettings& search, const Origin& origin) {
    const std::pair<const char*, const std::string*> parts[] = {
        {"vertex_search_engine", &search.engine},
        {"vertex_search_data_store", &search.data_store},
        {"vertex_search_project", &search.project},
        {"vertex_search_location", &search.location},
        {"vertex_search_collection", &search.collection},
        {"vertex_search_serving_config", &search.serving_config},
        {"vertex_search_user_project", &search.user_project},
        {"vertex_search_project_field", &search.project_field},
        {"vertex_search_url_field", &search.url_field},
        {"vertex_search_kind_field", &search.kind_field},
        {"vertex_search_date_field", &search.date_field},
        {"vertex_search_language", &search.language},
        {"vertex_search_summary_model", &search.summary_model},
    };
    for (const auto& [key, value] : parts) {
        if (!path_part(*value)) {
            refuse(origin, key, "holds characters that no such name has");
        }
    }
    const std::pair<const char*, const std::string*> needed[] = {
        {"vertex_search_project", &search.project},
        {"vertex_search_location", &search.location},
        {"vertex_search_collection", &search.collection},
    };
    for (const auto& [key, value] : needed) {
        if (value->empty()) {
            refuse(origin, key, "is empty: Vertex AI Search cannot be asked without it");
        }
    }
    if (!search.engine.empty() && !search.data_store.empty()) {
        refuse(origin, "vertex_search_data_store",
               "and vertex_search_engine are both given: leave one out");
    }
}

void check_vertex_search(const Settings& settings, const Origin& origin) {
    const VertexSearchSettings& search = settings.vertex_search;
    check_connection(search, "vertex_search", origin);
    check_word(search.project_value, {"id", "code", "name"}, origin, "vertex_search_project_value");
    check_word(search.query_expansion, {"auto", "off"}, origin, "vertex_search_query_expansion");
    check_word(search.spell_correction, {"auto", "suggest"}, origin,
               "vertex_search_spell_correction");
    if (search.storage_url != "none") {
        check_url(search.storage_url, origin, "vertex_search_storage_url");
    }
    if (settings.vertex_search_active()) {
        check_vertex_names(search, origin);
        check_google_access(settings, origin);
    }
}

void check_projects(const Settings& settings, const Origin& origin) {
    const std::string& file = settings.projects_file;
    try {
        if (!file.empty()) {
            directory::read_project_list(file);
        }
    } catch (const std::runtime_error& error) {
        refuse(origin, "projects_file", "names " + file + ": " + error.what());
    }
}

void check_entra(EntraSettings& entra, const Origin& origin) {
    if (!entra.client_secret_file.empty()) {
        if (!entra.client_secret.empty()) {
            refuse(origin, "entra_client_secret_file",
                   "and entra_client_secret are both given: leave one out");
        }
        entra.client_secret =
            read_key_file(entra.client_secret_file, origin, "entra_client_secret_file");
    }
    if (entra.tenant.empty() || !plain_name(entra.tenant) ||
        entra.tenant.find('/') != std::string::npos) {
        refuse(origin, "entra_tenant", "is no tenant's id or domain, which Power BI needs");
    }
    if (entra.client_id.empty() || !plain_name(entra.client_id)) {
        refuse(origin, "entra_client_id", "is no application's id, which Power BI needs");
    }
    if (entra.client_secret.empty() || !usable_key(entra.client_secret)) {
        refuse(origin, "entra_client_secret", "is no secret on one line, which Power BI needs");
    }
    check_url(entra.authority, origin, "entra_authority");
    check_url(entra.scope, origin, "entra_scope");
    check_ca_file(entra.ca_file, origin, "entra_ca_file");
    check_proxy(entra.proxy, origin, "entra_proxy");
    if (!entra.connect_to.empty() && !host_and_port(entra.connect_to)) {
        refuse(origin, "entra_connect_to", "is not host:port");
    }
}

// What Power BI's questions are about: the described schema, and the column of projects in it.
void check_powerbi_schema(const PowerBiSettings& powerbi, const Origin& origin) {
    if (powerbi.schema_file.empty()) {
        refuse(origin, "powerbi_schema_file", "is empty: describe the tables that may be asked");
    }
    powerbi::Schema schema;
    try {
        schema = powerbi::read_schema(powerbi.schema_file);
    } catch (const std::runtime_error& error) {
        refuse(origin, "powerbi_schema_file", "names " + powerbi.schema_file + ": " + error.what());
    }
    if (powerbi.project_column.empty()) {
        return;
    }
    try {
        const powerbi::ColumnName name = powerbi::parse_column(powerbi.project_column);
        if (schema.column(name.table, name.column) == nullptr) {
            refuse(origin, "powerbi_project_column", "is not described in powerbi_schema_file");
        }
    } catch (const SettingsError&) {
        throw;
    } catch (const std::runtime_error&) {
        refuse(origin, "powerbi_project_column", "is not written as 'Table'[Column]");
    }
}

void check_powerbi(Settings& settings, const Origin& origin) {
    const PowerBiSettings& powerbi = settings.powerbi;
    if (!settings.powerbi_active()) {
        return;
    }
    for (const auto& [key, value] : {std::pair("powerbi_dataset", &powerbi.dataset),
                                     std::pair("powerbi_workspace", &powerbi.workspace)}) {
        if (!plain_name(*value) || value->find('/') != std::string::npos) {
            refuse(origin, key, "holds characters that no id has");
        }
    }
    check_connection(powerbi, "powerbi", origin);
    check_api_path(powerbi.api_path, origin, "powerbi_api_path");
    if (powerbi.project_value != "id" && powerbi.project_value != "code" &&
        powerbi.project_value != "name") {
        refuse(origin, "powerbi_project_value",
               "is '" + powerbi.project_value + "', not id, code or name");
    }
    check_powerbi_schema(powerbi, origin);
    check_entra(settings.entra, origin);
    if (settings.dax_writer == "auto" && settings.providers_of("dax_writer").empty()) {
        refuse(
            origin, "powerbi_dataset",
            "needs a language model that writes the queries: set up openai, anthropic or gemini");
    }
}

} // namespace

void check_data_providers(Settings& settings, const Origin& origin) {
    check_projects(settings, origin);
    check_hubspot(settings.hubspot, origin);
    check_vertex_search(settings, origin);
    check_powerbi(settings, origin);
    check_url(settings.chart_schema, origin, "chart_schema");
    check_bigquery(settings, origin);
    check_voice(settings, origin);
}

} // namespace checks

bool Settings::own_projects() const {
    return !projects_file.empty() || (bigquery_active() && !bigquery.project_lookup.empty());
}

bool Settings::hubspot_active() const {
    return !hubspot.api_key.empty() || hubspot.base_url != kHubSpotUrl;
}

bool Settings::vertex_search_active() const {
    return !vertex_search.engine.empty() || !vertex_search.data_store.empty();
}

// Locations have hosts of their own, but for "global".
std::string Settings::vertex_search_url() const {
    const VertexSearchSettings& search = vertex_search;
    std::string url = search.base_url;
    if (url == kVertexSearchUrl && search.location != "global") {
        url.insert(std::string_view("https://").size(), search.location + "-");
    }
    while (url.ends_with('/')) {
        url.pop_back();
    }
    const bool engine = !search.engine.empty();
    std::string config = search.serving_config;
    if (config.empty()) {
        config = engine ? "default_search" : "default_config";
    }
    return url + "/projects/" + search.project + "/locations/" + search.location + "/collections/" +
           search.collection + (engine ? "/engines/" : "/dataStores/") +
           (engine ? search.engine : search.data_store) + "/servingConfigs/" + config;
}

bool Settings::powerbi_active() const {
    return !powerbi.dataset.empty();
}

} // namespace mr
