// HubSpot: one record of each kind is searched for, since each needs a right of its own; with a
// project property one that has it, since HubSpot refuses a filter by a property it does not know.
#include "worker/checks/verdict.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

namespace mr::checkup {
namespace {

using nlohmann::json;

constexpr std::string_view kKinds[] = {"deals", "companies", "contacts"};

Target hubspot_target(const Settings& settings) {
    Target target = target_of(settings, settings.hubspot, "HubSpot", "hubspot");
    if (!settings.hubspot.api_key.empty()) {
        target.headers.push_back("Authorization: Bearer " + settings.hubspot.api_key);
    }
    target.key_cure = "put a service key, or the token of a private app, in hubspot_api_key, its "
                      "file or HUBSPOT_API_KEY";
    target.missing_cure = "correct hubspot_objects_path: the version of the API is part of it";
    target.quota_cure = "wait until tomorrow, or have the account's daily limit raised";
    target.region_cure = "correct hubspot_base_url";
    return target;
}

Question search_question(const HubSpotSettings& settings, std::string_view kind) {
    json body;
    body["filterGroups"] = json::array();
    body["properties"] = json::array({"hs_object_id"});
    body["limit"] = 1;
    const bool holder = settings.project_object.empty() || settings.project_object == kind;
    if (!settings.project_property.empty() && holder) {
        json filter;
        filter["propertyName"] = settings.project_property;
        filter["operator"] = "HAS_PROPERTY";
        json group;
        group["filters"] = json::array({filter});
        body["filterGroups"].push_back(group);
    }
    return Question("POST", settings.objects_path + "/" + std::string(kind) + "/search",
                    body.dump());
}

bool names_the_property(const Reply& reply, const std::string& property) {
    return !reply.error && reply.head.status == 400 && !property.empty() &&
           reply.body.find(property) != std::string::npos;
}

} // namespace

Task<void> check_hubspot(const Settings& settings, Run& run, Finding& finding) {
    const HubSpotSettings& hubspot = settings.hubspot;
    Target target = hubspot_target(settings);
    std::vector<std::string> kinds(std::begin(kKinds), std::end(kKinds));
    if (!hubspot.project_object.empty() &&
        std::find(kinds.begin(), kinds.end(), hubspot.project_object) == kinds.end()) {
        kinds.push_back(hubspot.project_object);
    }
    finding.resource = listed(kinds);
    for (const std::string& name : kinds) {
        target.missing = name;
        const bool own = std::find(std::begin(kKinds), std::end(kKinds), name) == std::end(kKinds);
        target.permission_cure =
            "give the key the scope crm.objects." + (own ? std::string("custom") : name) + ".read";
        Question question = search_question(hubspot, name);
        const Reply reply = co_await ask(run, target, std::move(question));
        if (!judge(reply, run, target, finding)) {
            if (names_the_property(reply, hubspot.project_property)) {
                finding.authorised = true;
                finding.there = false;
                fail(finding, Trouble::missing,
                     "HubSpot's " + name + " have no property " + hubspot.project_property,
                     "make the property for " + name + ", or correct hubspot_project_property");
            }
            co_return;
        }
    }
    finding.there = true;
    if (hubspot.project_property.empty()) {
        finding.notes.emplace_back(
            "without hubspot_project_property questions about projects are not answered from it");
    }
}

} // namespace mr::checkup
