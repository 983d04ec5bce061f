#include "worker/providers/openai/chat_reply.h"

#include <nlohmann/json.hpp>

namespace mr::openai {
namespace {

using nlohmann::json;

constexpr std::string_view kProvider = "openai";

const json& member(const json& object, const char* name) {
    static const json none;
    const auto found = object.is_object() ? object.find(name) : object.end();
    return object.is_object() && found != object.end() ? *found : none;
}

std::string text_of(const json& value) {
    if (value.is_string()) {
        return value.get<std::string>();
    }
    std::string text; // some servers send parts; parts of parts are none: they would cost stack
    if (value.is_array()) {
        for (const json& part : value) {
            const json& said = member(part, "text");
            text += said.is_string() ? said.get<std::string>() : std::string();
        }
    }
    return text;
}

std::int64_t count_of(const json& value) {
    return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

std::optional<ApiError> error_of(const json& object) {
    const json& error = member(object, "error");
    if (error.is_null()) {
        return std::nullopt;
    }
    ApiError out;
    out.type = text_of(member(error, "type"));
    out.param = text_of(member(error, "param"));
    out.message = error.is_string() ? text_of(error) : text_of(member(error, "message"));
    const json& code = member(error, "code"); // some servers give a number
    out.code = code.is_string() ? text_of(code) : code.is_number() ? code.dump() : "";
    return out;
}

std::optional<Usage> usage_of(const json& object) {
    const json& usage = member(object, "usage");
    if (!usage.is_object()) {
        return std::nullopt;
    }
    Usage out;
    out.provider = kProvider;
    out.input_tokens = count_of(member(usage, "prompt_tokens"));
    out.output_tokens = count_of(member(usage, "completion_tokens"));
    out.cached_tokens = count_of(member(member(usage, "prompt_tokens_details"), "cached_tokens"));
    return out;
}

std::optional<Piece> parse(std::string_view text, const char* holder) {
    const json object = json::parse(text, nullptr, false);
    if (!object.is_object()) {
        return std::nullopt;
    }
    Piece piece;
    piece.error = error_of(object);
    piece.usage = usage_of(object);
    piece.model = text_of(member(object, "model"));
    const json& choices = member(object, "choices");
    if (choices.is_array() && !choices.empty()) {
        const json& said = member(choices.front(), holder);
        piece.text = text_of(member(said, "content")) + text_of(member(said, "refusal"));
        piece.finish_reason = text_of(member(choices.front(), "finish_reason"));
    }
    return piece;
}

} // namespace

std::optional<Piece> parse_event(std::string_view json) {
    return parse(json, "delta");
}

std::optional<Piece> parse_reply(std::string_view json) {
    return parse(json, "message");
}

} // namespace mr::openai
