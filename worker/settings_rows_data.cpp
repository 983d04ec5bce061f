// The part of the table of settings that is about providers of data.
#include "worker/settings_tables.h"

namespace mr {
namespace {

template <typename T> SettingMember hubspot(T HubSpotSettings::* part) {
    return {&Settings::hubspot, part};
}

template <typename T> SettingMember vertex(T VertexSearchSettings::* part) {
    return {&Settings::vertex_search, part};
}
template <typename T> SettingMember entra(T EntraSettings::* part) {
    return {&Settings::entra, part};
}
template <typename T> SettingMember powerbi(T PowerBiSettings::* part) {
    return {&Settings::powerbi, part};
}

const SettingRow kRows[] = {
    {"projects_file", "", &Settings::projects_file, 0, 0, "path",
     "the projects that questions are about: a JSON array of id, name, code and aliases"},
    {"hubspot_api_key", "", hubspot(&HubSpotSettings::api_key), 0, 0, "key",
     "HubSpot is searched; better given as a file or variable (also HUBSPOT_API_KEY)", true},
    {"hubspot_api_key_file", "", hubspot(&HubSpotSettings::api_key_file), 0, 0, "path",
     "file that holds the key"},
    {"hubspot_base_url", kHubSpotUrl, hubspot(&HubSpotSettings::base_url), 0, 0, "URL",
     "server that speaks HubSpot's CRM search API"},
    {"hubspot_objects_path", "/crm/v3/objects", hubspot(&HubSpotSettings::objects_path), 0, 0,
     "path", "of records, with the version of the API"},
    {"hubspot_pipelines_path", "/crm/v3/pipelines", hubspot(&HubSpotSettings::pipelines_path), 0, 0,
     "path", "of pipelines and their stages, with the version of the API"},
    {"hubspot_associations_path", "/crm/v4/associations",
     hubspot(&HubSpotSettings::associations_path), 0, 0, "path",
     "of associations between records, with the version of the API"},
    {"hubspot_project_property", "", hubspot(&HubSpotSettings::project_property), 0, 0, "name",
     "property of deals, companies and contacts that says whose project they are; empty: none, "
     "questions about projects are not answered from HubSpot"},
    {"hubspot_project_value", "code", hubspot(&HubSpotSettings::project_value), 0, 0, "word",
     "what the property holds of a project: id, code or name"},
    {"hubspot_project_object", "", hubspot(&HubSpotSettings::project_object), 0, 0, "name",
     "type of record that stands for a project (deals, 2-1234567) and has the property; the other "
     "records are then those associated with it"},
    {"hubspot_max_records", "20", hubspot(&HubSpotSettings::max_records), 1, 1000, "count",
     "most records of one search"},
    {"hubspot_searches_per_second", "4", hubspot(&HubSpotSettings::searches_per_second), 0, 1000,
     "1/s", "most searches, by all workers together; 0: no limit"},
    {"hubspot_retries", "2", hubspot(&HubSpotSettings::retries), 0, 10, "count",
     "further tries of a search that failed"},
    {"hubspot_ca_file", "", hubspot(&HubSpotSettings::ca_file), 0, 0, "path",
     "instead of provider_ca_file, for HubSpot alone"},
    {"hubspot_proxy", "", hubspot(&HubSpotSettings::proxy), 0, 0, "URL",
     "instead of provider_proxy, for HubSpot alone", true},
    {"hubspot_connect_to", "", hubspot(&HubSpotSettings::connect_to), 0, 0, "host:port",
     "connected to instead of the URL's host; certificates are checked for the URL's"},
    {"vertex_search_engine", "", vertex(&VertexSearchSettings::engine), 0, 0, "name",
     "app of Vertex AI Search: it is the document search, with Google's credentials"},
    {"vertex_search_data_store", "", vertex(&VertexSearchSettings::data_store), 0, 0, "name",
     "data store of Vertex AI Search, instead of an app"},
    {"vertex_search_project", "", vertex(&VertexSearchSettings::project), 0, 0, "name",
     "Google Cloud project that the app is in"},
    {"vertex_search_location", "global", vertex(&VertexSearchSettings::location), 0, 0, "name",
     "of the app: global, us or eu"},
    {"vertex_search_collection", "default_collection", vertex(&VertexSearchSettings::collection), 0,
     0, "name", "that the app is in"},
    {"vertex_search_serving_config", "", vertex(&VertexSearchSettings::serving_config), 0, 0,
     "name", "empty: default_search of an app, default_config of a data store"},
    {"vertex_search_base_url", kVertexSearchUrl, vertex(&VertexSearchSettings::base_url), 0, 0,
     "URL",
     "server that speaks the search method, with the version of the API; its host follows "
     "the location unless it is another one"},
    {"vertex_search_user_project", "", vertex(&VertexSearchSettings::user_project), 0, 0, "name",
     "Google Cloud project whose quota is used (x-goog-user-project)"},
    {"vertex_search_project_field", "", vertex(&VertexSearchSettings::project_field), 0, 0, "name",
     "field of the documents that says whose project they are, indexable and retrievable; empty: "
     "none, questions about projects are not answered from the documents"},
    {"vertex_search_project_value", "code", vertex(&VertexSearchSettings::project_value), 0, 0,
     "word", "what the field holds of a project: id, code or name"},
    {"vertex_search_url_field", "url", vertex(&VertexSearchSettings::url_field), 0, 0, "name",
     "field of the documents with their address for users; without one their link is used"},
    {"vertex_search_kind_field", "type", vertex(&VertexSearchSettings::kind_field), 0, 0, "name",
     "field of the documents that says what kind they are of"},
    {"vertex_search_date_field", "date", vertex(&VertexSearchSettings::date_field), 0, 0, "name",
     "field of the documents with their date"},
    {"vertex_search_storage_url", "https://storage.cloud.google.com",
     vertex(&VertexSearchSettings::storage_url), 0, 0, "URL",
     "what gs:// becomes in links; none: such documents have no link"},
    {"vertex_search_language", "", vertex(&VertexSearchSettings::language), 0, 0, "word",
     "of questions and summaries, such as en; empty: not said"},
    {"vertex_search_query_expansion", "auto", vertex(&VertexSearchSettings::query_expansion), 0, 0,
     "word", "auto: documents with other words are found too; off"},
    {"vertex_search_spell_correction", "auto", vertex(&VertexSearchSettings::spell_correction), 0,
     0, "word", "auto: searched as corrected; suggest: as written"},
    {"vertex_search_summary", "true", vertex(&VertexSearchSettings::summary), 0, 0, "",
     "a summary with citations is asked for; left out when the app's edition has none"},
    {"vertex_search_summary_preamble", "", vertex(&VertexSearchSettings::summary_preamble), 0, 0,
     "text", "instructions for the summary"},
    {"vertex_search_summary_model", "", vertex(&VertexSearchSettings::summary_model), 0, 0, "name",
     "version of the model that writes summaries, such as stable; empty: Google's own choice"},
    {"vertex_search_extracts", "1", vertex(&VertexSearchSettings::extracts), 0, 5, "count",
     "answers taken out of each document; left out when the app's edition has none"},
    {"vertex_search_page_size", "10", vertex(&VertexSearchSettings::page_size), 1, 100, "count",
     "most documents of one search"},
    {"vertex_search_timeout", "30s", vertex(&VertexSearchSettings::timeout), 100, 10 * kMinute, "",
     "a search with all its tries"},
    {"vertex_search_first_byte_timeout", "25s", vertex(&VertexSearchSettings::first_byte_timeout),
     100, 10 * kMinute, "", "until one try is answered: summaries take seconds"},
    {"vertex_search_retries", "2", vertex(&VertexSearchSettings::retries), 0, 10, "count",
     "further tries of a search that failed"},
    {"vertex_search_ca_file", "", vertex(&VertexSearchSettings::ca_file), 0, 0, "path",
     "instead of provider_ca_file, for Vertex AI Search alone"},
    {"vertex_search_proxy", "", vertex(&VertexSearchSettings::proxy), 0, 0, "URL",
     "instead of provider_proxy, for Vertex AI Search alone", true},
    {"vertex_search_connect_to", "", vertex(&VertexSearchSettings::connect_to), 0, 0, "host:port",
     "connected to instead of the URL's host; certificates are checked for the URL's"},
    {"powerbi_dataset", "", powerbi(&PowerBiSettings::dataset), 0, 0, "id",
     "semantic model of Power BI that charts are made from where no query has rows for them"},
    {"powerbi_workspace", "", powerbi(&PowerBiSettings::workspace), 0, 0, "id",
     "workspace that holds it; empty: the application's own"},
    {"powerbi_schema_file", "", powerbi(&PowerBiSettings::schema_file), 0, 0, "path",
     "tables, columns and measures that may be asked, as JSON"},
    {"powerbi_project_column", "", powerbi(&PowerBiSettings::project_column), 0, 0, "name",
     "column that says whose project a row is, as 'Projects'[Code]; empty: none, questions about "
     "projects are not answered from Power BI"},
    {"powerbi_project_value", "code", powerbi(&PowerBiSettings::project_value), 0, 0, "word",
     "what the column holds of a project: id, code or name"},
    {"powerbi_base_url", kPowerBiUrl, powerbi(&PowerBiSettings::base_url), 0, 0, "URL",
     "server that speaks Power BI's REST API"},
    {"powerbi_api_path", "/v1.0/myorg", powerbi(&PowerBiSettings::api_path), 0, 0, "path",
     "in front of workspaces and datasets, with the version of the API"},
    {"powerbi_max_rows", "500", powerbi(&PowerBiSettings::max_rows), 1, 10'000, "count",
     "most rows of one query"},
    {"powerbi_queries_per_second", "2", powerbi(&PowerBiSettings::queries_per_second), 0, 1000,
     "1/s", "most queries, by all workers together, 0: no limit; Power BI allows 120 a minute"},
    {"powerbi_timeout", "30s", powerbi(&PowerBiSettings::timeout), kSecond, 10 * kMinute, "",
     "longest time for a chart, the writing of its query included"},
    {"powerbi_retries", "2", powerbi(&PowerBiSettings::retries), 0, 10, "count",
     "further tries of a query that failed"},
    {"powerbi_ca_file", "", powerbi(&PowerBiSettings::ca_file), 0, 0, "path",
     "instead of provider_ca_file, for Power BI alone"},
    {"powerbi_proxy", "", powerbi(&PowerBiSettings::proxy), 0, 0, "URL",
     "instead of provider_proxy, for Power BI alone", true},
    {"powerbi_connect_to", "", powerbi(&PowerBiSettings::connect_to), 0, 0, "host:port",
     "connected to instead of the URL's host; certificates are checked for the URL's"},
    {"entra_tenant", "", entra(&EntraSettings::tenant), 0, 0, "name",
     "Entra ID's tenant, id or domain, that gives access to Power BI (also AZURE_TENANT_ID)"},
    {"entra_client_id", "", entra(&EntraSettings::client_id), 0, 0, "id",
     "application the worker is in that tenant (also AZURE_CLIENT_ID)"},
    {"entra_client_secret", "", entra(&EntraSettings::client_secret), 0, 0, "key",
     "its secret; better given as a file or variable (also AZURE_CLIENT_SECRET)", true},
    {"entra_client_secret_file", "", entra(&EntraSettings::client_secret_file), 0, 0, "path",
     "file that holds the secret"},
    {"entra_authority", kEntraUrl, entra(&EntraSettings::authority), 0, 0, "URL",
     "where tokens are had; national clouds have their own (also AZURE_AUTHORITY_HOST)"},
    {"entra_scope", "https://analysis.windows.net/powerbi/api/.default",
     entra(&EntraSettings::scope), 0, 0, "URL", "what the token is for; ends in /.default"},
    {"entra_ca_file", "", entra(&EntraSettings::ca_file), 0, 0, "path",
     "instead of provider_ca_file, for Entra ID alone"},
    {"entra_proxy", "", entra(&EntraSettings::proxy), 0, 0, "URL",
     "instead of provider_proxy, for Entra ID alone", true},
    {"entra_connect_to", "", entra(&EntraSettings::connect_to), 0, 0, "host:port",
     "connected to instead of the authority's host; certificates are checked for the URL's"},
    {"dax_writer", "auto", &Settings::dax_writer, 0, 0, "names",
     "who writes Power BI's queries: openai, anthropic, gemini, in order; auto: those that are "
     "set up"},
    {"chart_schema", "https://vega.github.io/schema/vega-lite/v6.json", &Settings::chart_schema, 0,
     0, "URL", "version of Vega-Lite that charts name as theirs"},
};

} // namespace

std::span<const SettingRow> data_setting_rows() {
    return kRows;
}

} // namespace mr
