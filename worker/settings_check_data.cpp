// What the settings of providers of data must hold, and which of them are to be asked.
#include "worker/settings_checks.h"

namespace mr {
namespace checks {
namespace {

void check_hubspot(HubSpotSettings& hubspot, const Origin& origin) {
    read_api_key(hubspot, "hubspot", origin);
    check_connection(hubspot, "hubspot", origin);
    check_api_path(hubspot.objects_path, origin, "hubspot_objects_path");
    check_api_path(hubspot.pipelines_path, origin, "hubspot_pipelines_path");
    if (!plain_name(hubspot.project_property)) {
        refuse(origin, "hubspot_project_property", "holds characters that no property's name has");
    }
    const std::string& value = hubspot.project_value;
    if (value != "id" && value != "code" && value != "name") {
        refuse(origin, "hubspot_project_value", "is '" + value + "', not id, code or name");
    }
}

} // namespace

void check_data_providers(Settings& settings, const Origin& origin) {
    check_hubspot(settings.hubspot, origin);
}

} // namespace checks

bool Settings::hubspot_active() const {
    return !hubspot.api_key.empty() || hubspot.base_url != kHubSpotUrl;
}

} // namespace mr
