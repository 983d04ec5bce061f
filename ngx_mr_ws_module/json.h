// The few questions that the files around access tokens ask of a JSON value. Everything else in
// this module leaves JSON alone: what clients and workers say to each other passes unread.
#pragma once

#include <jansson.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace mr {

enum class JsonField : uint8_t { absent, present, wrong_type };

inline std::string_view json_view(const json_t* text) noexcept {
    return {json_string_value(text), json_string_length(text)};
}

// A member that has to be a text if it is there. The view lives as long as the object.
inline JsonField json_text(const json_t* object, const char* name, std::string_view& out) noexcept {
    const json_t* member = json_object_get(object, name);
    if (member == nullptr) {
        return JsonField::absent;
    }
    if (!json_is_string(member)) {
        return JsonField::wrong_type;
    }
    out = json_view(member);
    return JsonField::present;
}

// True for a list of nothing but texts, among them this one.
inline bool json_names(const json_t* list, std::string_view wanted) noexcept {
    bool found = false;
    for (size_t i = 0; i < json_array_size(list); ++i) {
        const json_t* entry = json_array_get(list, i);
        if (!json_is_string(entry)) {
            return false;
        }
        found = found || json_view(entry) == wanted;
    }
    return found;
}

} // namespace mr
