#include "worker/providers/hubspot/records.h"

#include "worker/providers/project_values.h"
#include "worker/providers/remote_json.h"

#include <algorithm>
#include <charconv>

namespace mr::hubspot {
namespace {

using nlohmann::json;

constexpr Field kDealFields[] = {
    {"dealname", ""},       {"amount", "Amount"},     {"closedate", "Closes"},
    {"dealstage", "Stage"}, {"pipeline", "Pipeline"},
};
constexpr Field kCompanyFields[] = {
    {"name", ""},       {"industry", "Industry"}, {"city", "City"},
    {"phone", "Phone"}, {"domain", "Website"},
};
constexpr Field kContactFields[] = {
    {"firstname", ""},      {"lastname", ""},   {"jobtitle", "Title"},
    {"company", "Company"}, {"email", "Email"}, {"phone", "Phone"},
};
constexpr Kind kCompanies{"companies", "company", kCompanyFields};
constexpr Kind kContacts{"contacts", "contact", kContactFields};
constexpr Kind kDeals{"deals", "deal", kDealFields};
constexpr std::size_t kIsoDateBytes = 10;

struct Stem {
    std::string_view stem;
    const Kind* kind;
};
constexpr Stem kStems[] = {
    {"deal", &kDeals},        {"opportunit", &kDeals},   {"pipeline", &kDeals},
    {"contact", &kContacts},  {"person", &kContacts},    {"people", &kContacts},
    {"phone", &kContacts},    {"email", &kContacts},     {"compan", &kCompanies},
    {"account", &kCompanies}, {"prospect", &kCompanies}, {"customer", &kCompanies},
};

// Capitalised in a question without being a name.
constexpr std::string_view kNoNames[] = {
    "a",     "all",     "an",    "and",    "any",    "are",     "at",   "can",  "could", "crm",
    "did",   "do",      "does",  "find",   "for",    "from",    "get",  "give", "has",   "have",
    "how",   "hubspot", "i",     "in",     "is",     "largest", "list", "look", "me",    "of",
    "on",    "open",    "our",   "please", "search", "show",    "tell", "that", "the",   "their",
    "these", "they",    "this",  "to",     "was",    "we",      "were", "what", "when",  "where",
    "which", "who",     "whose", "with",   "won",    "lost",
};

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    constexpr std::string_view kBlanks = " \t\r\n";
    for (std::size_t at = text.find_first_not_of(kBlanks); at != std::string::npos;) {
        const std::size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
        words.push_back(text.substr(at, end - at));
        at = text.find_first_not_of(kBlanks, end);
    }
    return words;
}

bool about_a_kind(std::string_view word) {
    return std::any_of(std::begin(kStems), std::end(kStems),
                       [&](const Stem& known) { return word.starts_with(known.stem); });
}

bool name_like(const std::string& word) {
    const std::string plain = lower(word);
    if (word.find('@') != std::string::npos) {
        return true;
    }
    const bool capital = !word.empty() && ((word[0] >= 'A' && word[0] <= 'Z') ||
                                           static_cast<unsigned char>(word[0]) >= 0x80);
    return capital && !about_a_kind(plain) &&
           std::find(std::begin(kNoNames), std::end(kNoNames), plain) == std::end(kNoNames);
}

bool of_a_project(const std::string& name, const ProjectScope& scope) {
    const std::string plain = lower(name);
    return std::any_of(scope.projects.begin(), scope.projects.end(), [&](const Project& project) {
        return lower(project.name).find(plain) != std::string::npos || lower(project.code) == plain;
    });
}

void add_name(std::vector<std::string>& names, std::string& name, const ProjectScope& scope) {
    const bool usable = !name.empty() && name.size() <= kMaxNameBytes && names.size() < kMaxNames &&
                        !of_a_project(name, scope) &&
                        std::find(names.begin(), names.end(), name) == names.end();
    if (usable) {
        names.push_back(name);
    }
    name.clear();
}

json value_of(const Field& field, const std::string& text, const Labels& labels) {
    if (field.property == "amount") {
        double number = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
        return read.ec == std::errc() && read.ptr == text.data() + text.size() ? json(number)
                                                                               : json(text);
    }
    if (field.property == "closedate") {
        return text.substr(0, kIsoDateBytes);
    }
    const auto label = field.property == "dealstage" || field.property == "pipeline"
                           ? labels.find(text)
                           : labels.end();
    return label == labels.end() ? text : label->second;
}

} // namespace

std::vector<const Kind*> kinds_in(const std::string& words) {
    std::vector<const Kind*> kinds;
    for (const Kind* kind : {&kCompanies, &kContacts, &kDeals}) {
        for (const std::string& word : words_of(lower(words))) {
            const bool about =
                std::any_of(std::begin(kStems), std::end(kStems), [&](const Stem& known) {
                    return known.kind == kind && word.starts_with(known.stem);
                });
            if (about) {
                kinds.push_back(kind);
                break;
            }
        }
    }
    if (kinds.empty()) {
        kinds = {&kCompanies, &kContacts, &kDeals};
    }
    return kinds;
}

bool names_kinds(const std::string& words) {
    const std::vector<std::string> all = words_of(lower(words));
    return std::any_of(all.begin(), all.end(), about_a_kind);
}

std::vector<std::string> names_in(const std::string& words, const ProjectScope& scope) {
    std::vector<std::string> names;
    std::string name;
    std::string unquoted;
    for (std::size_t at = 0; at < words.size();) {
        const std::size_t open = words.find('"', at);
        const std::size_t close = open == std::string::npos ? open : words.find('"', open + 1);
        unquoted += words.substr(at, close == std::string::npos ? close : open - at) + " ";
        if (close == std::string::npos) {
            break;
        }
        name = words.substr(open + 1, close - open - 1);
        add_name(names, name, scope);
        at = close + 1;
    }
    for (std::string word : words_of(unquoted)) {
        const std::size_t length = word.find_last_not_of(".,;:?!()'") + 1;
        const bool ends = length < word.size();
        word.resize(length);
        if (word.ends_with("'s")) {
            word.resize(word.size() - 2);
        }
        if (name_like(word)) {
            name += (name.empty() ? "" : " ") + word;
        } else {
            add_name(names, name, scope);
        }
        if (ends) {
            add_name(names, name, scope);
        }
    }
    add_name(names, name, scope);
    return names;
}

std::vector<std::string> project_values(const ProjectScope& scope, const Options& options) {
    std::vector<std::string> values = mr::project_values(
        scope, options.project_value, options.project_property, kMaxProjects, "HubSpot");
    for (std::string& value : values) {
        value = lower(value); // IN knows lower case only
    }
    return values;
}

CrmRecord read_record(const json& result, const Kind& kind, const Labels& labels) {
    CrmRecord record;
    record.id = std::string(kind.type) + "-" + text_of(member(result, "id"));
    record.type = kind.type;
    record.properties = json::object();
    for (const Field& field : kind.fields) {
        const std::string text =
            text_of(member(member(result, "properties"), std::string(field.property).c_str()));
        if (text.empty()) {
            continue;
        }
        if (field.label.empty()) {
            record.title += (record.title.empty() ? "" : " ") + text;
        } else {
            record.properties[std::string(field.label)] = value_of(field, text, labels);
        }
    }
    if (record.title.empty()) {
        record.title = record.id;
    }
    return record;
}

// A property of several choices holds them with semicolons between.
bool of_projects(const json& result, const std::vector<std::string>& projects,
                 const Options& options) {
    const std::string held =
        lower(text_of(member(member(result, "properties"), options.project_property.c_str())));
    for (std::size_t at = 0; at <= held.size();) {
        const std::size_t end = std::min(held.find(';', at), held.size());
        if (std::find(projects.begin(), projects.end(), held.substr(at, end - at)) !=
            projects.end()) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

json search_body(const Search& search, const Options& options) {
    json body = {{"filterGroups", json::array()},
                 {"properties", json::array()},
                 {"limit", std::min(options.max_records - search.seen, kMaxPageRecords)}};
    for (const Field& field : search.kind.fields) {
        body["properties"].push_back(field.property);
    }
    if (!search.projects.empty()) {
        body["properties"].push_back(options.project_property);
        const json filter = {{"propertyName", options.project_property},
                             {"operator", "IN"},
                             {"values", search.projects}};
        json group = json::object();
        group["filters"] = json::array({filter});
        body["filterGroups"].push_back(std::move(group));
    }
    if (!search.after.empty()) {
        body["after"] = search.after;
    }
    if (!search.name.empty()) {
        body["query"] = search.name;
    }
    if (&search.kind == &kDeals) {
        const json sort = {{"propertyName", search.largest ? "amount" : "closedate"},
                           {"direction", "DESCENDING"}};
        body["sorts"] = json::array({sort});
    }
    return body;
}

Labels read_labels(const json& reply) {
    Labels labels;
    const auto add = [&](const json& one) {
        const std::string id = text_of(member(one, "id"));
        const std::string label = text_of(member(one, "label"));
        if (!id.empty() && !label.empty()) {
            labels[id] = label;
        }
    };
    for (const json& pipeline : items_of(member(reply, "results"))) {
        add(pipeline);
        for (const json& stage : items_of(member(pipeline, "stages"))) {
            add(stage);
        }
    }
    return labels;
}

std::uint64_t read_hits(const json& reply, const Search& search, const Options& options,
                        const Labels& labels, CrmHits& hits) {
    const json& results = member(reply, "results");
    if (!results.is_array()) {
        throw ProviderError(ProviderFault::bad_reply, "HubSpot's reply cannot be read");
    }
    std::int64_t doubles = 0;
    for (const json& result : results) {
        if (!search.projects.empty() && !of_projects(result, search.projects, options)) {
            throw ProviderError(ProviderFault::filter,
                                "HubSpot did not keep to the project filter");
        }
        CrmRecord record = read_record(result, search.kind, labels);
        if (known(hits, record)) {
            ++doubles;
        } else {
            hits.records.push_back(std::move(record));
        }
    }
    const std::int64_t told = count_of(member(reply, "total"));
    const auto seen = static_cast<std::int64_t>(search.seen);
    const std::int64_t counted = seen == 0 ? 0 : std::max(told, seen);
    hits.total +=
        std::max(told, seen + static_cast<std::int64_t>(results.size())) - counted - doubles;
    return results.size();
}

std::string next_page(const json& reply) {
    return text_of(member(member(member(reply, "paging"), "next"), "after"));
}

bool known(const CrmHits& hits, const CrmRecord& record) {
    return std::any_of(hits.records.begin(), hits.records.end(),
                       [&](const CrmRecord& one) { return one.id == record.id; });
}

} // namespace mr::hubspot
