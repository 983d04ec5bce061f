#include "tests/emulator/provider.h"

#include <algorithm>
#include <cctype>
#include <ctime>

namespace mr::emulator {
namespace {

using nlohmann::json;

int hex_digit(char c) {
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (lower >= '0' && lower <= '9') {
        return lower - '0';
    }
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

json example_of_type(const std::string& type, const json& schema) {
    if (type == "object") {
        json out = json::object();
        if (const auto found = schema.find("properties"); found != schema.end()) {
            for (const auto& [name, inner] : found->items()) {
                out[name] = example_of(inner);
            }
        }
        return out;
    }
    if (type == "array") {
        json out = json::array();
        const std::size_t count = schema.value("minItems", std::size_t(1));
        while (schema.contains("items") && out.size() < count) {
            out.push_back(example_of(schema["items"]));
        }
        return out;
    }
    if (type == "integer" || type == "number") {
        return schema.value("minimum", json(1));
    }
    if (type == "boolean") {
        return true;
    }
    return type == "null" ? json() : json("text");
}

} // namespace

json example_of(const json& schema) {
    if (!schema.is_object()) {
        return "text";
    }
    if (schema.contains("const")) {
        return schema["const"];
    }
    if (schema.contains("enum") && !schema["enum"].empty()) {
        return schema["enum"][0];
    }
    for (const char* choice : {"anyOf", "oneOf"}) {
        if (schema.contains(choice) && !schema[choice].empty()) {
            return example_of(schema[choice][0]);
        }
    }
    json type = schema.value("type", json(schema.contains("properties") ? "object" : "string"));
    if (type.is_array() && !type.empty()) {
        type = type[0];
    }
    std::string name = type.is_string() ? type.get<std::string>() : "string";
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return example_of_type(name, schema);
}

std::string Call::query(std::string_view name) const {
    std::string_view rest = request.query;
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        const std::size_t equals = pair.find('=');
        if (unescape(pair.substr(0, equals)) == name) {
            return equals == std::string_view::npos ? "" : unescape(pair.substr(equals + 1));
        }
    }
    return {};
}

std::optional<std::string> Call::bearer() const {
    const std::string* value = request.header("authorization");
    if (!value || value->size() < 8) {
        return std::nullopt;
    }
    std::string scheme = value->substr(0, 7);
    std::ranges::transform(scheme, scheme.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return scheme == "bearer " ? std::optional(value->substr(7)) : std::nullopt;
}

std::map<std::string, std::string> parse_form(const std::string& body) {
    std::map<std::string, std::string> form;
    std::string_view rest = body;
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        form[unescape(pair.substr(0, equals))] =
            unescape(pair.substr(std::min(equals + 1, pair.size())));
    }
    return form;
}

bool is_json(const Request& request) {
    const std::string* type = request.header("content-type");
    return type && type->starts_with("application/json");
}

std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
            hex_digit(text[i + 2]) >= 0) {
            out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

std::string fresh_id(std::string_view prefix) {
    static std::uint64_t last = 0;
    std::string number = std::to_string(++last);
    return std::string(prefix) + std::string(number.size() < 12 ? 12 - number.size() : 0, '0') +
           number;
}

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> parts;
    while (!path.empty()) {
        path.remove_prefix(path.front() == '/' ? 1 : 0);
        const std::string_view part = path.substr(0, path.find('/'));
        parts.emplace_back(part);
        path.remove_prefix(part.size());
    }
    return parts;
}

Tokens tokens_of(const Behaviour& how, const json& schema) {
    if (how.text) {
        return Tokens::of_text(*how.text);
    }
    if (!how.answer.is_null()) {
        return Tokens::of_text(dump(how.answer));
    }
    if (schema.is_object()) {
        return Tokens::of_text(dump(example_of(schema)));
    }
    return Tokens::numbered(how.name, how.tokens, how.token_bytes);
}

std::size_t usage_of(const Behaviour& how, const char* what, std::size_t otherwise) {
    return how.usage.is_object() ? how.usage.value(what, otherwise) : otherwise;
}

std::int64_t unix_time() {
    return std::time(nullptr);
}

json field_of(const json& error, const char* name, json otherwise) {
    return error.is_object() && error.contains(name) ? error[name] : std::move(otherwise);
}

} // namespace mr::emulator
