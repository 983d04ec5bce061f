#include "worker/settings_data.h"

#include "worker/log.h"

#include <utility>

namespace mr {

google::Access google_access(const Settings& settings) {
    return {settings.google_credentials_file, settings.google_token_url,
            settings.google_metadata_url};
}

void set_data_providers(const Settings& settings, ServiceSettings& services) {
    services.projects_file = settings.projects_file;
    if (!settings.hubspot_active()) {
        return;
    }
    const HubSpotSettings& from = settings.hubspot;
    HubSpotSetup setup;
    setup.api_key = from.api_key;
    hubspot::Options& options = setup.options;
    options.endpoint.base_url = from.base_url;
    options.endpoint.ca_file = from.ca_file;
    options.endpoint.proxy = from.proxy;
    options.endpoint.connect_to = from.connect_to;
    options.endpoint.connect_timeout = settings.provider_connect_timeout;
    options.objects_path = from.objects_path;
    options.pipelines_path = from.pipelines_path;
    options.project_property = from.project_property;
    options.project_value = from.project_value;
    options.max_records = from.max_records;
    options.searches_per_second = from.searches_per_second;
    options.max_retries = static_cast<unsigned>(from.retries);
    log::info("the CRM is asked", {{"provider", "hubspot"}, {"url", from.base_url}});
    services.hubspot = std::move(setup);
}

} // namespace mr
