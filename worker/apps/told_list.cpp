#include "worker/apps/told_list.h"

#include "worker/apps/event_text.h"

#include <algorithm>

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

const ToldList::Entry* ToldList::find(const Json& v1) const {
    const Json* name = member(v1, key_);
    if (name == nullptr) {
        return nullptr;
    }
    const std::string wanted = to_text(*name);
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.name == wanted; });
    return found != entries_.end() ? &*found : nullptr;
}

void ToldList::take(const Json& v1, const Json& added) {
    const Json* name = member(v1, key_);
    name = name != nullptr ? name : member(added, key_);
    if (name == nullptr) {
        return;
    }
    const std::string wanted = to_text(*name);
    auto entry = std::find_if(entries_.begin(), entries_.end(),
                              [&](const Entry& known) { return known.name == wanted; });
    Json fields = Json::object();
    if (entry == entries_.end()) {
        entries_.reserve(entries_.size() + 1); // std::vector would double it
        entry = entries_.insert(entries_.end(), {wanted, {}, false});
    } else {
        fields = Json::parse(entry->text);
    }
    take_fields(fields, v1);
    take_fields(fields, added);
    entry->ended = fields.contains(mark_);
    entry->text = to_text(fields);
    entry->text.shrink_to_fit();
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
