// What the settings of providers of data must hold, and which of them are to be asked.
#include "worker/providers/directory/project_list.h"
#include "worker/settings_checks.h"

#include <stdexcept>

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

} // namespace

void check_data_providers(Settings& settings, const Origin& origin) {
    check_projects(settings, origin);
    check_hubspot(settings.hubspot, origin);
}

} // namespace checks

bool Settings::own_projects() const {
    return !projects_file.empty();
}

bool Settings::hubspot_active() const {
    return !hubspot.api_key.empty() || hubspot.base_url != kHubSpotUrl;
}

} // namespace mr
