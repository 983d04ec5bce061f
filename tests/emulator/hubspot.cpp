// HubSpot CRM: search, batch reads, associations, pipelines; section 8.
#include "tests/emulator/provider.h"

#include <algorithm>
#include <map>

namespace mr::emulator {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxPagedHits = 10'000;
constexpr std::size_t kMaxFilters = 25;

std::string type_of(const std::string& name) {
    static const std::map<std::string, std::string> kIds{
        {"0-1", "contacts"}, {"0-2", "companies"}, {"0-3", "deals"}};
    const auto found = kIds.find(name);
    const std::string type = found == kIds.end() ? name : found->second;
    if (name.starts_with("2-") && name.find_first_not_of("0123456789", 2) == std::string::npos) {
        return name; // of a custom object
    }
    return type == "deals" || type == "companies" || type == "contacts" ? type : "";
}

Found check_filter(const json& filter, const std::string& where) {
    static const Check kForm = object_of(
        {{"propertyName", kString, true},
         {"operator", kString, true,
          one_of({"EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY",
                  "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"})},
         {"value", kString},
         {"highValue", kString},
         {"values", kArray, false, each([](const json& value, const std::string& at) -> Found {
              if (!value.is_string()) {
                  return wrong(at, "has to be a string");
              }
              const std::string& text = value.get_ref<const std::string&>();
              if (std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'Z'; })) {
                  return wrong(at, "has to be in lower case for IN");
              }
              return std::nullopt;
          })}});
    if (Found found = kForm(filter, where)) {
        return found;
    }
    const std::string what = filter["operator"];
    const bool list = what == "IN" || what == "NOT_IN";
    const bool none = what == "HAS_PROPERTY" || what == "NOT_HAS_PROPERTY";
    if (list != filter.contains("values") || (!list && !none) != filter.contains("value") ||
        (what == "BETWEEN") != filter.contains("highValue")) {
        return wrong(where, "values do not fit the operator " + what);
    }
    return std::nullopt;
}

Found check_search(const json& body) {
    static const Check kStrings = each([](const json& value, const std::string& at) -> Found {
        return value.is_string() ? std::nullopt : Found(wrong(at, "has to be a string"));
    });
    static const Check kSort =
        either(kString, {},
               object_of({{"propertyName", kString, true},
                          {"direction", kString, false, one_of({"ASCENDING", "DESCENDING"})}}));
    static const std::vector<Field> kFields{
        {"query", kString, false, at_most_bytes(3000)},
        {"filterGroups", kArray, false,
         each(object_of({{"filters", kArray, true, each(check_filter, 1, 10)}}), 0, 5)},
        {"sorts", kArray, false, each(kSort, 0, 1)},
        {"properties", kArray, false, kStrings},
        {"limit", kInt, false, between(1, 200)},
        {"after", kInt64, false, digits()},
    };
    if (Found found = check_object(body, kFields, "")) {
        return found;
    }
    std::size_t filters = 0;
    for (const json& group : body.value("filterGroups", json::array())) {
        filters += group["filters"].size();
    }
    return filters > kMaxFilters ? Found(wrong("filterGroups", "has more than 25 filters"))
                                 : std::nullopt;
}

Found check_batch(const json& body, bool associations) {
    static const std::vector<Field> kAssociations{
        {"inputs", kArray, true,
         each(object_of({{"id", kString, true}, {"after", kString}}), 1, 1000)}};
    static const std::vector<Field> kObjects{
        {"properties", kArray},
        {"propertiesWithHistory", kArray},
        {"idProperty", kString},
        {"inputs", kArray, true, each(object_of({{"id", kString, true}}), 1, 100)}};
    return check_object(body, associations ? kAssociations : kObjects, "");
}

// Three objects of each type, unless the script has others.
json sample(const std::string& type) {
    json list = json::array();
    for (int i = 1; i <= 3; ++i) {
        const std::string number = std::to_string(i);
        json properties = type == "deals" ? json{{"dealname", "Deal " + number},
                                                 {"amount", number + "000"},
                                                 {"closedate", "2026-0" + number + "-01T00:00:00Z"},
                                                 {"pipeline", "default"},
                                                 {"dealstage", "presentationscheduled"}}
                          : type == "companies"
                              ? json{{"name", "Company " + number}, {"domain", nullptr}}
                              : json{{"firstname", "Given" + number},
                                     {"lastname", "Family" + number},
                                     {"email", "p" + number + "@example.com"}};
        list.push_back({{"id", number}, {"properties", properties}});
    }
    return list;
}

class HubSpot final : public Provider {
  public:
    std::optional<Answer> refuse(Call& call) override {
        call.record.endpoint = endpoint_of(call);
        if (call.record.endpoint.empty()) {
            return refusal(call, 404, "There is nothing at this path.");
        }
        const std::optional<std::string> token = call.bearer();
        if (!token || !call.known_key(*token)) {
            return refusal(call, 401, "Authentication credentials not found or not valid.");
        }
        if (call.request.method == "GET") {
            return std::nullopt;
        }
        if (!is_json(call.request) || !call.body.is_object()) {
            return refusal(call, 400, "The body is not a JSON object.");
        }
        const Found problem = call.record.endpoint == "search"
                                  ? check_search(call.body)
                                  : check_batch(call.body, call.record.endpoint == "associations");
        if (problem) {
            return refusal(call, 400, "Invalid input: " + problem->where + " " + problem->text);
        }
        if (first_of(call) + call.body.value("limit", std::size_t(10)) > kMaxPagedHits) {
            return refusal(call, 400, "Only the first 10000 hits can be paged.");
        }
        return std::nullopt;
    }

    Answer answer(Call& call, const Behaviour& how) override {
        const std::string& endpoint = call.record.endpoint;
        if (endpoint == "pipelines") {
            return reply(how.answer.is_object() ? how.answer : pipelines());
        }
        if (endpoint == "associations") {
            return reply(how.answer.is_object() ? how.answer : associations(call, how));
        }
        if (endpoint == "association") {
            return reply(how.answer.is_object()
                             ? how.answer
                             : json{{"results", {associated("9"), associated("8")}}});
        }
        json all =
            how.answer.is_object() ? how.answer.value("results", json::array()) : sample(type_);
        return endpoint == "search" ? search(call, all) : read(call, all);
    }

    Answer fail(const Call&, int status, const json& error) override {
        static const std::map<int, const char*> kCategories{{400, "VALIDATION_ERROR"},
                                                            {401, "INVALID_AUTHENTICATION"},
                                                            {403, "MISSING_SCOPES"},
                                                            {404, "OBJECT_NOT_FOUND"}};
        json body = {{"status", "error"},
                     {"message", field_of(error, "message", "As told.")},
                     {"correlationId", fresh_id("00000000-0000-4000-8000-")}};
        if (status == 429) {
            body["errorType"] = "RATE_LIMIT";
            body["policyName"] = field_of(error, "policyName", "SECONDLY");
        } else if (const auto known = kCategories.find(status); known != kCategories.end()) {
            body["category"] = field_of(error, "category", known->second);
        }
        return json_answer(status, body);
    }

  private:
    Answer refusal(Call& call, int status, const std::string& text) {
        call.record.problem = text;
        return fail(call, status, {{"message", text}});
    }

    // The prefix is /crm/v3/objects or /crm/objects/2026-09, and so on.
    std::string endpoint_of(const Call& call) {
        std::vector<std::string> parts = split_path(call.path);
        if (parts.size() < 4 || parts[0] != "crm") {
            return {};
        }
        const bool dated = parts[2].size() == 7 && parts[2][4] == '-';
        const std::string version = dated ? "dated" : parts[1];
        const std::string what = dated ? parts[1] : parts[2];
        parts.erase(parts.begin(), parts.begin() + 3);
        const bool post = call.request.method == "POST";
        type_ = type_of(parts[0]);
        if (what == "pipelines") {
            return !post && parts.size() == 1 && !type_.empty() ? "pipelines" : "";
        }
        if (type_.empty() || (!post && call.request.method != "GET")) {
            return {};
        }
        const std::string rest = join(parts);
        if (what == "objects" && post && version != "v4") {
            return rest == "search" ? "search" : rest == "batch/read" ? "read" : "";
        }
        if (what == "associations" && post && version != "v3" && parts.size() == 4) {
            return !type_of(parts[1]).empty() && rest.ends_with("batch/read") ? "associations" : "";
        }
        if (what == "objects" && !post && version != "v3" && parts.size() == 4) {
            return parts[2] == "associations" ? "association" : "";
        }
        return {};
    }

    static std::string join(const std::vector<std::string>& parts) {
        std::string text;
        for (std::size_t i = 1; i < parts.size(); ++i) {
            text += (i > 1 ? "/" : "") + parts[i];
        }
        return text;
    }

    static std::size_t first_of(const Call& call) {
        const json after = call.body.value("after", json(0));
        return after.is_string() ? std::strtoul(after.get<std::string>().c_str(), nullptr, 10)
                                 : after.get<std::size_t>();
    }

    static Answer reply(const json& body) {
        return json_answer(200, body,
                           {{"X-HubSpot-RateLimit-Max", "190"},
                            {"X-HubSpot-RateLimit-Remaining", "189"},
                            {"X-HubSpot-RateLimit-Interval-Milliseconds", "10000"}});
    }

    // What is asked for and unknown is silently missing.
    json shown(const json& object, const Call& call) const {
        static const std::map<std::string, std::vector<std::string>> kUsual{
            {"deals", {"dealname", "amount", "closedate", "pipeline", "dealstage"}},
            {"companies", {"name", "domain"}},
            {"contacts", {"firstname", "lastname", "email"}}};
        json out = object;
        const auto usual = kUsual.find(type_);
        const json asked = call.body.value(
            "properties", usual == kUsual.end() ? json::array() : json(usual->second));
        json properties = {{"hs_object_id", object["id"]},
                           {"createdate", "2026-01-01T00:00:00Z"},
                           {"hs_lastmodifieddate", "2026-01-01T00:00:00Z"}};
        for (const json& name : asked) {
            const json& have = object["properties"];
            if (have.contains(name.get<std::string>())) {
                properties[name.get<std::string>()] = have[name.get<std::string>()];
            }
        }
        out["properties"] = properties;
        out["createdAt"] = "2026-01-01T00:00:00Z";
        out["updatedAt"] = "2026-01-01T00:00:00Z";
        out["archived"] = false;
        return out;
    }

    Answer search(const Call& call, const json& all) const {
        const std::size_t first = first_of(call);
        const std::size_t limit = call.body.value("limit", std::size_t(10));
        json body = {{"total", all.size()}, {"results", json::array()}};
        for (std::size_t i = first; i < all.size() && i < first + limit; ++i) {
            body["results"].push_back(shown(all[i], call));
        }
        if (first + limit < all.size()) {
            body["paging"]["next"] = {{"after", std::to_string(first + limit)}, {"link", ""}};
        }
        Answer answer = json_answer(200, body); // a search has no rate-limit headers
        return answer;
    }

    Answer read(const Call& call, const json& all) const {
        json body = {{"status", "COMPLETE"}, {"results", json::array()}};
        for (const json& input : call.body["inputs"]) {
            const auto found = std::ranges::find_if(
                all, [&](const json& one) { return one["id"] == input["id"]; });
            if (found != all.end()) {
                body["results"].push_back(shown(*found, call));
            }
        }
        return reply(body);
    }

    static json associated(const std::string& id) {
        return {{"toObjectId", id},
                {"associationTypes",
                 {{{"category", "HUBSPOT_DEFINED"}, {"typeId", 5}, {"label", nullptr}}}}};
    }

    // With status 207: the first of them failed.
    static json associations(const Call& call, const Behaviour& how) {
        json body = {{"status", "COMPLETE"}, {"results", json::array()}};
        bool failed = how.status != 207;
        for (const json& input : call.body["inputs"]) {
            if (!failed) {
                failed = true;
                body["numErrors"] = 1;
                body["errors"] = {{{"status", "error"},
                                   {"category", "OBJECT_NOT_FOUND"},
                                   {"message", "No associations of " + input["id"].dump()}}};
                continue;
            }
            body["results"].push_back(
                {{"from", {{"id", input["id"]}}}, {"to", json::array({associated("2")})}});
        }
        return body;
    }

    static json pipelines() {
        const json stage = {{"id", "presentationscheduled"},
                            {"label", "Presentation scheduled"},
                            {"displayOrder", 0},
                            {"metadata", {{"probability", "0.6"}}}};
        return {
            {"results",
             {{{"id", "default"}, {"label", "Sales pipeline"}, {"stages", json::array({stage})}}}}};
    }

    std::string type_; // of the request at hand
};

} // namespace

std::unique_ptr<Provider> make_hubspot() {
    return std::make_unique<HubSpot>();
}

} // namespace mr::emulator
