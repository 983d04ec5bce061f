#include "worker/providers/remote_json.h"

#include <charconv>

namespace mr {

using nlohmann::json;

const json& member(const json& object, const char* name) {
    static const json none;
    const auto found = object.is_object() ? object.find(name) : object.end();
    return object.is_object() && found != object.end() ? *found : none;
}

const json& items_of(const json& value) {
    static const json empty = json::array();
    return value.is_array() ? value : empty;
}

std::string text_of(const json& value) {
    if (value.is_string()) {
        return value.get<std::string>();
    }
    std::string text; // some servers send parts; parts of parts are none: they would cost stack
    for (const json& part : items_of(value)) {
        const json& said = member(part, "text");
        text += said.is_string() ? said.get<std::string>() : std::string();
    }
    return text;
}

std::int64_t count_of(const json& value) {
    if (value.is_number_integer()) {
        return value.get<std::int64_t>();
    }
    std::int64_t count = 0; // int64 may come as text
    if (value.is_string()) {
        const std::string& text = value.get_ref<const std::string&>();
        const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
        return read.ptr == text.data() + text.size() ? count : 0;
    }
    return 0;
}

} // namespace mr
