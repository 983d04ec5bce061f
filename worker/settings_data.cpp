#include "worker/settings_data.h"

#include "worker/log.h"

#include <utility>

namespace mr {

google::Access google_access(const Settings& settings) {
    return {settings.google_credentials_file, settings.google_token_url,
            settings.google_metadata_url};
}

namespace {

void set_hubspot(const Settings& settings, ServiceSettings& services) {
    const HubSpotSettings& from = settings.hubspot;
    HubSpotSetup setup;
    setup.api_key = from.api_key;
    hubspot::Options& options = setup.options;
    options.endpoint = endpoint_of(from, settings);
    options.objects_path = from.objects_path;
    options.pipelines_path = from.pipelines_path;
    options.associations_path = from.associations_path;
    options.project_property = from.project_property;
    options.project_value = from.project_value;
    options.project_object = from.project_object;
    options.max_records = from.max_records;
    options.searches_per_second = from.searches_per_second;
    options.max_retries = static_cast<unsigned>(from.retries);
    log::info("the CRM is asked", {{"provider", "hubspot"}, {"url", from.base_url}});
    services.hubspot = std::move(setup);
}

void set_vertex_search(const Settings& settings, ServiceSettings& services) {
    const VertexSearchSettings& from = settings.vertex_search;
    VertexSearchSetup setup;
    setup.access = google_access(settings);
    vertex_search::Options& options = setup.options;
    options.endpoint = endpoint_of(from, settings);
    options.endpoint.base_url = settings.vertex_search_url();
    options.endpoint.first_byte_timeout = from.first_byte_timeout;
    options.user_project = from.user_project;
    options.project_field = from.project_field;
    options.project_value = from.project_value;
    options.url_field = from.url_field;
    options.kind_field = from.kind_field;
    options.date_field = from.date_field;
    options.storage_url = from.storage_url == "none" ? "" : from.storage_url;
    options.language = from.language;
    options.expand_query = from.query_expansion == "auto";
    options.correct_spelling = from.spell_correction == "auto";
    options.summary = from.summary;
    options.summary_preamble = from.summary_preamble;
    options.summary_model = from.summary_model;
    options.extracts = from.extracts;
    options.page_size = from.page_size;
    options.max_retries = static_cast<unsigned>(from.retries);
    log::info("the document search is asked",
              {{"provider", "vertex_search"}, {"url", options.endpoint.base_url}});
    services.limits.documents_timeout = from.timeout;
    services.vertex_search = std::move(setup);
}

// The file has been checked; here it is read for good.
void set_powerbi(const Settings& settings, ServiceSettings& services) {
    const PowerBiSettings& from = settings.powerbi;
    PowerBiSetup setup;
    powerbi::Options& options = setup.options;
    options.endpoint = endpoint_of(from, settings);
    options.api_path = from.api_path;
    options.workspace = from.workspace;
    options.dataset = from.dataset;
    options.schema =
        std::make_shared<const powerbi::Schema>(powerbi::read_schema(from.schema_file));
    if (!from.project_column.empty()) {
        options.project_column = powerbi::parse_column(from.project_column);
    }
    options.project_value = from.project_value;
    options.max_rows = from.max_rows;
    options.queries_per_second = from.queries_per_second;
    options.max_retries = static_cast<unsigned>(from.retries);
    entra::ClientOptions& client = setup.client;
    client.authority = settings.entra.authority;
    client.tenant = settings.entra.tenant;
    client.client_id = settings.entra.client_id;
    client.client_secret = settings.entra.client_secret;
    client.scope = settings.entra.scope;
    client.ca_file = settings.entra.ca_file;
    client.proxy = settings.entra.proxy;
    client.connect_to = settings.entra.connect_to;
    client.timing.connect_timeout = settings.provider_connect_timeout;
    setup.writer = settings.providers_of("dax_writer");
    services.limits.chart_timeout = from.timeout;
    log::info("a semantic model is asked",
              {{"provider", "powerbi"}, {"url", from.base_url}, {"dataset", from.dataset}});
    services.powerbi = std::move(setup);
}

} // namespace

void set_data_providers(const Settings& settings, ServiceSettings& services) {
    services.projects_file = settings.projects_file;
    set_bigquery(settings, services);
    if (settings.hubspot_active()) {
        set_hubspot(settings, services);
    }
    if (settings.vertex_search_active()) {
        set_vertex_search(settings, services);
    }
    if (settings.powerbi_active()) {
        set_powerbi(settings, services);
    }
    services.chart_schema = settings.chart_schema;
}

} // namespace mr
