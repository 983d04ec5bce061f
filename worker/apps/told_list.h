// What clients were told of phases, tools or charts of a turn: one object for each of them, made of
// the fields of its events. As text, since it is looked at a few times in a turn and held until its
// end, and as objects it is five times as long. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mr {

class ToldList {
  public:
    using Json = nlohmann::ordered_json;

    // `key`: the field that names one of them; `mark`: one that its last event alone has. Literals.
    ToldList(const char* key, const char* mark) : key_(key), mark_(mark) {}

    // An event's fields; `added` may be null. One without a name is nothing.
    void take(const Json& v1, const Json& added);
    // The last event too, or any.
    bool has_ended(const Json& v1) const;
    bool has(const Json& v1) const { return find(v1) != nullptr; }
    std::vector<Json> open() const; // without their last event
    std::string text() const;       // a JSON array
    void restore(const Json& list);

  private:
    struct Entry {
        std::string name; // JSON
        std::string text;
        bool ended = false;
    };

    size_t place_of(std::string_view name) const; // entries_.size(): nowhere
    const Entry* find(const Json& v1) const;

    const char* key_;
    const char* mark_;
    std::vector<Entry> entries_;
};

// Null: not there.
const nlohmann::ordered_json* member(const nlohmann::ordered_json& fields, std::string_view name);
// Into `entry`, but for what stamps the event. `fields` may be null.
void take_fields(nlohmann::ordered_json& entry, const nlohmann::ordered_json& fields);

} // namespace mr
