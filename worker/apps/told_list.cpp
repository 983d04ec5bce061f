#include "worker/apps/told_list.h"

#include "worker/json_text.h"

#include <algorithm>
#include <utility>

namespace mr {

using Json = nlohmann::ordered_json;

const Json* member(const Json& fields, std::string_view name) {
    if (!fields.is_object()) {
        return nullptr;
    }
    const auto& members = fields.get_ref<const Json::object_t&>();
    const auto found = std::find_if(members.begin(), members.end(),
                                    [name](const auto& field) { return field.first == name; });
    return found != members.end() ? &found->second : nullptr;
}

void take_fields(Json& entry, const Json& fields) {
    if (!fields.is_object()) {
        return;
    }
    for (const auto& [name, value] : fields.get_ref<const Json::object_t&>()) {
        if (name != "type" && name != "turn_id" && name != "id" && name != "ts") {
            entry[name] = value;
        }
    }
}

size_t ToldList::place_of(std::string_view name) const {
    size_t at = 0;
    while (at < entries_.size() && entries_[at].name != name) {
        ++at;
    }
    return at;
}

const ToldList::Entry* ToldList::find(const Json& v1) const {
    const Json* name = member(v1, key_);
    const size_t at = name != nullptr ? place_of(to_text(*name)) : entries_.size();
    return at < entries_.size() ? &entries_[at] : nullptr;
}

void ToldList::take(const Json& v1, const Json& added) {
    const Json* name = member(v1, key_);
    name = name != nullptr ? name : member(added, key_);
    if (name == nullptr) {
        return;
    }
    std::string text = to_text(*name);
    const size_t at = place_of(text);
    Json fields = Json::object();
    if (at == entries_.size()) {
        entries_.reserve(at + 1); // std::vector would double it
        entries_.push_back({std::move(text), {}, false});
    } else {
        fields = Json::parse(entries_[at].text);
    }
    take_fields(fields, v1);
    take_fields(fields, added);
    Entry& entry = entries_[at];
    entry.ended = fields.contains(mark_);
    entry.text = to_text(fields);
    entry.text.shrink_to_fit();
}

bool ToldList::has_ended(const Json& v1) const {
    const Entry* entry = find(v1);
    return entry != nullptr && entry->ended;
}

std::vector<Json> ToldList::open() const {
    std::vector<Json> open;
    for (const Entry& entry : entries_) {
        if (!entry.ended) {
            open.push_back(Json::parse(entry.text));
        }
    }
    return open;
}

std::string ToldList::text() const {
    std::string text = "[";
    for (const Entry& entry : entries_) {
        text += text.size() > 1 ? "," : "";
        text += entry.text;
    }
    return text + "]";
}

void ToldList::restore(const Json& list) {
    entries_.clear();
    if (list.is_array()) {
        for (const Json& fields : list) {
            take(fields, nullptr);
        }
    }
}

} // namespace mr
