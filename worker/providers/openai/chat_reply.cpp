#include "worker/providers/openai/chat_reply.h"

#include "worker/providers/known_json.h"

namespace mr::openai {
namespace {

using model::Piece;
using model::Stop;
using nlohmann::json;

constexpr std::string_view kLastEvent = "[DONE]";
constexpr std::string_view kMembers[] = {"choices",
                                         "delta",
                                         "content",
                                         "finish_reason",
                                         "model",
                                         "refusal",
                                         "text",
                                         "message",
                                         "error",
                                         "type",
                                         "code",
                                         "param",
                                         "usage",
                                         "prompt_tokens",
                                         "completion_tokens",
                                         "prompt_tokens_details",
                                         "cached_tokens"};

Stop stop_of(std::string_view word) {
    if (word.empty()) {
        return Stop::none;
    }
    if (word == "length") {
        return Stop::length;
    }
    return word == "content_filter" ? Stop::withheld : Stop::finished;
}

std::optional<Usage> usage_of(const json& object) {
    const json& usage = member(object, "usage");
    if (!usage.is_object()) {
        return std::nullopt;
    }
    Usage out;
    out.input_tokens = count_of(member(usage, "prompt_tokens"));
    out.output_tokens = count_of(member(usage, "completion_tokens"));
    out.cached_tokens = count_of(member(member(usage, "prompt_tokens_details"), "cached_tokens"));
    return out;
}

std::optional<Piece> parse(std::string_view text, const char* holder) {
    const json object = parse_known(text, kMembers);
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
        piece.stop_word = text_of(member(choices.front(), "finish_reason"));
        piece.stop = stop_of(piece.stop_word);
    }
    return piece;
}

} // namespace

std::optional<model::ApiError> error_of(const json& object) {
    const json& error = member(object, "error");
    if (error.is_null()) {
        return std::nullopt;
    }
    model::ApiError out;
    for (const char* name : {"type", "code"}) {
        const json& word = member(error, name); // some servers give a number as code
        std::string text = word.is_number() ? word.dump() : text_of(word);
        if (!text.empty()) {
            out.words.push_back(std::move(text));
        }
    }
    out.param = text_of(member(error, "param"));
    out.message = error.is_string() ? text_of(error) : text_of(member(error, "message"));
    return out;
}

std::optional<Piece> parse_event(std::string_view json) {
    if (json == kLastEvent) {
        Piece piece;
        piece.last = true;
        return piece;
    }
    return parse(json, "delta");
}

std::optional<Piece> parse_reply(std::string_view json) {
    return parse(json, "message");
}

} // namespace mr::openai
