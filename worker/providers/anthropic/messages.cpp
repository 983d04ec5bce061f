#include "worker/providers/anthropic/dialect.h"
#include "worker/providers/known_json.h"

namespace mr::anthropic {
namespace {

using model::Features;
using model::kPartSchema;
using model::kPartStream;
using model::Piece;
using model::Stop;
using nlohmann::json;

constexpr std::string_view kPartEffort = "effort";

constexpr std::string_view kMembers[] = {"type",
                                         "delta",
                                         "text",
                                         "message",
                                         "model",
                                         "content_block",
                                         "content",
                                         "stop_reason",
                                         "error",
                                         "details",
                                         "error_code",
                                         "usage",
                                         "input_tokens",
                                         "output_tokens",
                                         "cache_read_input_tokens",
                                         "cache_creation_input_tokens"};

constexpr model::OptionalPart kParts[] = {
    {kPartSchema, "output_config.format", "output_config.format"},
    {kPartEffort, "output_config.effort", "output_config.effort"},
    {kPartStream, "stream", ""},
};

Stop stop_of(std::string_view word) {
    if (word.empty()) {
        return Stop::none;
    }
    if (word == "end_turn" || word == "stop_sequence") {
        return Stop::finished;
    }
    if (word == "max_tokens" || word == "model_context_window_exceeded") {
        return Stop::length;
    }
    return word == "refusal" ? Stop::withheld : Stop::unusable;
}

// Tokens read from and written to the cache stand beside the others here; we count them among them.
std::optional<Usage> usage_of(const json& usage) {
    if (!usage.is_object()) {
        return std::nullopt;
    }
    Usage out;
    out.cached_tokens = count_of(member(usage, "cache_read_input_tokens"));
    out.input_tokens = count_of(member(usage, "input_tokens")) + out.cached_tokens +
                       count_of(member(usage, "cache_creation_input_tokens"));
    out.output_tokens = count_of(member(usage, "output_tokens"));
    return out;
}

std::optional<model::ApiError> error_of(const json& object) {
    const json& error = member(object, "error");
    if (error.is_null()) {
        return std::nullopt;
    }
    model::ApiError out;
    for (const json* word :
         {&member(error, "type"), &member(member(error, "details"), "error_code")}) {
        std::string text = text_of(*word);
        if (!text.empty()) {
            out.words.push_back(std::move(text));
        }
    }
    out.message = error.is_string() ? text_of(error) : text_of(member(error, "message"));
    return out;
}

void take_stop(const json& holder, Piece& piece) {
    piece.stop_word = text_of(member(holder, "stop_reason"));
    piece.stop = stop_of(piece.stop_word);
}

class MessagesDialect final : public model::Dialect {
  public:
    explicit MessagesDialect(const model::Options& options)
        : model_(options.model), version_(options.version), effort_(options.effort),
          max_tokens_(options.max_tokens > 0 ? options.max_tokens : kMaxTokens) {}

    std::string_view provider() const override { return "anthropic"; }
    std::string_view request_id_header() const override { return "request-id"; }
    std::span<const model::OptionalPart> optional_parts() const override { return kParts; }

    model::WireRequest request(const ModelRequest& request,
                               const Features& features) const override {
        model::WireRequest out;
        out.path = "/v1/messages";
        out.headers.push_back("anthropic-version: " + version_);
        json& body = out.body;
        body["model"] = model_;
        body["max_tokens"] = max_tokens_;
        const std::string system = model::system_text(request, features);
        if (!system.empty()) {
            body["system"] = system;
        }
        body["messages"] = json::array();
        for (const ModelMessage& one : model::messages_from_user(request.messages)) {
            json message;
            message["role"] = one.speaker == Speaker::user ? "user" : "assistant";
            message["content"] = one.text;
            body["messages"].push_back(std::move(message));
        }
        body["stream"] = streams(request, features);
        if (request.schema != nullptr && features.has(kPartSchema)) {
            body["output_config"]["format"]["type"] = "json_schema";
            body["output_config"]["format"]["schema"] = request.schema->schema;
        }
        if (!effort_.empty() && features.has(kPartEffort)) {
            body["output_config"]["effort"] = effort_;
        }
        return out;
    }

    std::optional<Piece> event(std::string_view data) const override {
        const json object = parse_known(data, kMembers);
        if (!object.is_object()) {
            return std::nullopt;
        }
        Piece piece;
        const std::string type = text_of(member(object, "type"));
        if (type == "message_start") {
            const json& message = member(object, "message");
            piece.model = text_of(member(message, "model"));
            piece.usage = usage_of(member(message, "usage"));
        } else if (type == "content_block_start") {
            const json& block = member(object, "content_block");
            piece.text = member(block, "type") == "text" ? text_of(member(block, "text")) : "";
        } else if (type == "content_block_delta") {
            const json& delta = member(object, "delta");
            piece.text =
                member(delta, "type") == "text_delta" ? text_of(member(delta, "text")) : "";
        } else if (type == "message_delta") {
            take_stop(member(object, "delta"), piece);
            piece.usage = usage_of(member(object, "usage"));
        } else if (type == "message_stop") {
            piece.last = true;
        } else if (type == "error" || type.empty()) {
            piece.error = error_of(object);
        }
        return piece;
    }

    std::optional<Piece> reply(std::string_view body) const override {
        const json object = parse_known(body, kMembers);
        if (!object.is_object()) {
            return std::nullopt;
        }
        Piece piece;
        piece.error = error_of(object);
        piece.model = text_of(member(object, "model"));
        piece.usage = usage_of(member(object, "usage"));
        take_stop(object, piece);
        const json& content = member(object, "content");
        for (const json& block : items_of(content)) {
            piece.text += member(block, "type") == "text" ? text_of(member(block, "text")) : "";
        }
        return piece;
    }

  private:
    std::string model_;
    std::string version_;
    std::string effort_;
    std::uint64_t max_tokens_;
};

} // namespace

std::unique_ptr<model::Dialect> make_dialect(const model::Options& options) {
    return std::make_unique<MessagesDialect>(options);
}

} // namespace mr::anthropic
