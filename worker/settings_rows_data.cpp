// The part of the table of settings that is about providers of data.
#include "worker/settings_tables.h"

namespace mr {
namespace {

template <typename T> SettingMember hubspot(T HubSpotSettings::* part) {
    return {&Settings::hubspot, part};
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
    {"hubspot_project_property", "", hubspot(&HubSpotSettings::project_property), 0, 0, "name",
     "property of deals, companies and contacts that says whose project they are; empty: none, "
     "questions about projects are not answered from HubSpot"},
    {"hubspot_project_value", "code", hubspot(&HubSpotSettings::project_value), 0, 0, "word",
     "what the property holds of a project: id, code or name"},
    {"hubspot_max_records", "20", hubspot(&HubSpotSettings::max_records), 1, 200, "count",
     "most records of one search"},
    {"hubspot_searches_per_second", "4", hubspot(&HubSpotSettings::searches_per_second), 1, 1000,
     "1/s", "pace of this worker's searches; HubSpot counts those of all workers together"},
    {"hubspot_retries", "2", hubspot(&HubSpotSettings::retries), 0, 10, "count",
     "further tries of a search that failed"},
    {"hubspot_ca_file", "", hubspot(&HubSpotSettings::ca_file), 0, 0, "path",
     "instead of provider_ca_file, for HubSpot alone"},
    {"hubspot_proxy", "", hubspot(&HubSpotSettings::proxy), 0, 0, "URL",
     "instead of provider_proxy, for HubSpot alone", true},
    {"hubspot_connect_to", "", hubspot(&HubSpotSettings::connect_to), 0, 0, "host:port",
     "connected to instead of the URL's host; certificates are checked for the URL's"},
};

} // namespace

std::span<const SettingRow> data_setting_rows() {
    return kRows;
}

} // namespace mr
