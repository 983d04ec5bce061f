#include "worker/providers/hubspot/associations.h"

#include "worker/providers/remote_json.h"

#include <algorithm>

namespace mr::hubspot {
namespace {

using nlohmann::json;

[[noreturn]] void refuse_filter(const std::string& why) {
    throw ProviderError(ProviderFault::filter, why);
}

const json& results_of(const json& reply) {
    const json& results = member(reply, "results");
    if (!results.is_array()) {
        throw ProviderError(ProviderFault::bad_reply, "HubSpot's reply cannot be read");
    }
    return results;
}

// Ids come as text or as numbers.
std::string id_of(const json& value) {
    return value.is_number_integer() ? value.dump() : text_of(value);
}

std::string lower(std::string text) {
    for (char& c : text) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return text;
}

// Every word of the name stands somewhere in the record.
bool named(const CrmRecord& record, const std::string& name) {
    std::string text = record.title;
    for (const json& value : record.properties) {
        text += " " + text_of(value);
    }
    text = lower(std::move(text));
    const std::string words = lower(name);
    for (std::size_t at = 0; at < words.size();) {
        const std::size_t end = std::min(words.find(' ', at), words.size());
        if (text.find(words.substr(at, end - at)) == std::string::npos) {
            return false;
        }
        at = end + 1;
    }
    return true;
}

} // namespace

bool same_type(const Kind& kind, std::string_view type) {
    const std::string_view number = kind.type == "contact"   ? "0-1"
                                    : kind.type == "company" ? "0-2"
                                                             : "0-3";
    return type == kind.path || type == kind.type || type == number;
}

json project_records_body(const std::vector<std::string>& projects, const Options& options) {
    const json filter = {
        {"propertyName", options.project_property}, {"operator", "IN"}, {"values", projects}};
    json group = json::object();
    group["filters"] = json::array({filter});
    return {{"filterGroups", json::array({group})},
            {"properties", json::array({options.project_property})},
            {"limit", kMaxPageRecords}};
}

Ids read_project_records(const json& reply, const std::vector<std::string>& projects,
                         const Options& options) {
    Ids ids;
    for (const json& result : results_of(reply)) {
        if (!of_projects(result, projects, options)) {
            refuse_filter("HubSpot did not keep to the project filter");
        }
        ids.insert(id_of(member(result, "id")));
    }
    const bool all = std::all_of(projects.begin(), projects.end(), [&](const std::string& project) {
        const std::vector<std::string> one{project};
        const json& results = results_of(reply);
        return std::any_of(results.begin(), results.end(),
                           [&](const json& result) { return of_projects(result, one, options); });
    });
    if (!all || ids.contains("")) {
        refuse_filter("HubSpot has no record of the project");
    }
    if (!next_page(reply).empty()) {
        refuse_filter("HubSpot has too many records of the projects");
    }
    return ids;
}

json associations_body(const std::vector<Holder>& holders) {
    json inputs = json::array();
    for (const Holder& holder : holders) {
        json input = {{"id", holder.id}};
        if (!holder.after.empty()) {
            input["after"] = holder.after;
        }
        inputs.push_back(std::move(input));
    }
    json body;
    body["inputs"] = std::move(inputs);
    return body;
}

std::vector<Holder> read_associations(const json& reply, const std::vector<Holder>& holders,
                                      Ids& ids) {
    std::vector<Holder> more;
    for (const json& result : results_of(reply)) {
        const std::string from = id_of(member(member(result, "from"), "id"));
        const bool asked = std::any_of(holders.begin(), holders.end(),
                                       [&](const Holder& one) { return one.id == from; });
        if (!asked) {
            refuse_filter("HubSpot did not keep to the records asked for");
        }
        for (const json& to : items_of(member(result, "to"))) {
            const std::string id = id_of(member(to, "toObjectId"));
            if (!id.empty() && ids.size() < kMaxAssociated) {
                ids.insert(id);
            }
        }
        const std::string after = next_page(result);
        if (!after.empty() && more.size() < holders.size()) {
            more.push_back({from, after});
        }
    }
    return more;
}

json records_body(const Kind& kind, std::span<const std::string> ids, const Options& options) {
    json inputs = json::array();
    for (const std::string& id : ids) {
        inputs.push_back({{"id", id}});
    }
    json properties = json::array();
    for (const Field& field : kind.fields) {
        properties.push_back(field.property);
    }
    if (!options.project_property.empty() && options.project_object.empty()) {
        properties.push_back(options.project_property);
    }
    json body;
    body["inputs"] = std::move(inputs);
    body["properties"] = std::move(properties);
    return body;
}

std::vector<CrmRecord> read_records(const json& reply, const Kind& kind, const Ids& ids,
                                    const Labels& labels, const std::vector<std::string>& projects,
                                    const Options& options) {
    std::vector<CrmRecord> records;
    for (const json& result : results_of(reply)) {
        if (!ids.contains(id_of(member(result, "id")))) {
            refuse_filter("HubSpot did not keep to the records asked for");
        }
        if (projects.empty() || of_projects(result, projects, options)) {
            records.push_back(read_record(result, kind, labels));
        }
    }
    return records;
}

void choose(std::vector<CrmRecord>& records, const std::vector<std::string>& names, bool largest) {
    const bool any = std::all_of(names.begin(), names.end(),
                                 [](const std::string& name) { return name.empty(); });
    std::erase_if(records, [&](const CrmRecord& record) {
        return !any && std::none_of(names.begin(), names.end(),
                                    [&](const std::string& name) { return named(record, name); });
    });
    const auto amount = [](const CrmRecord& record) {
        const json& value = member(record.properties, "Amount");
        return value.is_number() ? value.get<double>() : 0.0;
    };
    const auto closes = [](const CrmRecord& record) {
        return text_of(member(record.properties, "Closes"));
    };
    std::sort(records.begin(), records.end(), [&](const CrmRecord& a, const CrmRecord& b) {
        if (largest && amount(a) != amount(b)) {
            return amount(a) > amount(b);
        }
        return closes(a) != closes(b) ? closes(a) > closes(b) : a.id < b.id;
    });
}

} // namespace mr::hubspot
