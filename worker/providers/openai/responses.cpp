// OpenAI's Responses API.
//
// https://platform.openai.com/docs/api-reference/responses
#include "worker/providers/known_json.h"
#include "worker/providers/openai/chat_reply.h"
#include "worker/providers/openai/dialects.h"

namespace mr::openai {
namespace {

using model::Features;
using model::kPartSchema;
using model::kPartStream;
using model::Piece;
using model::Stop;
using nlohmann::json;

constexpr std::string_view kPartEffort = "reasoning";
constexpr std::string_view kPartMaxTokens = "max_output_tokens";

constexpr std::string_view kMembers[] = {"type",
                                         "delta",
                                         "response",
                                         "status",
                                         "model",
                                         "output",
                                         "content",
                                         "text",
                                         "refusal",
                                         "incomplete_details",
                                         "reason",
                                         "error",
                                         "code",
                                         "message",
                                         "param",
                                         "usage",
                                         "input_tokens",
                                         "output_tokens",
                                         "input_tokens_details",
                                         "cached_tokens"};

constexpr model::OptionalPart kParts[] = {
    {kPartStream, "stream", ""},
    {kPartSchema, "text.format", "text.format"},
    {kPartEffort, "reasoning", "reasoning.effort"},
    {kPartMaxTokens, "max_output_tokens", "max_output_tokens"},
};

std::optional<Usage> usage_of(const json& response) {
    const json& usage = member(response, "usage");
    if (!usage.is_object()) {
        return std::nullopt;
    }
    Usage out;
    out.input_tokens = count_of(member(usage, "input_tokens"));
    out.output_tokens = count_of(member(usage, "output_tokens"));
    out.cached_tokens = count_of(member(member(usage, "input_tokens_details"), "cached_tokens"));
    return out;
}

model::ApiError unnamed_error() {
    model::ApiError error;
    error.message = "the response has failed and does not say why";
    return error;
}

// What a response object says beside its text: at the end of a stream, or as a whole reply.
void take_outcome(const json& response, Piece& piece) {
    piece.usage = usage_of(response);
    piece.model = text_of(member(response, "model"));
    const std::string status = text_of(member(response, "status"));
    if (status == "failed" || status == "cancelled") {
        const auto error = error_of(response);
        piece.error = error ? error : unnamed_error();
    } else if (status == "incomplete") {
        piece.stop_word = text_of(member(member(response, "incomplete_details"), "reason"));
        piece.stop = piece.stop_word == "max_output_tokens" ? Stop::length
                     : piece.stop_word == "content_filter"  ? Stop::withheld
                                                            : Stop::unusable;
    } else if (status == "completed") {
        piece.stop = Stop::finished;
        piece.stop_word = status;
    }
}

// Reasoning and other items stand beside the messages: whatever has text of a message counts.
std::string output_text(const json& response) {
    std::string text;
    const json& output = member(response, "output");
    for (const json& item : items_of(output)) {
        const json& content = member(item, "content");
        if (member(item, "type") != "message" || !content.is_array()) {
            continue;
        }
        for (const json& part : content) {
            text += text_of(member(part, "text")) + text_of(member(part, "refusal"));
        }
    }
    return text;
}

class ResponsesDialect final : public model::Dialect {
  public:
    explicit ResponsesDialect(const model::Options& options)
        : model_(options.model), effort_(options.effort), max_tokens_(options.max_tokens) {}

    std::string_view provider() const override { return "openai"; }
    std::string_view request_id_header() const override { return "x-request-id"; }
    std::string_view client_id_header() const override { return "X-Client-Request-Id"; }
    std::span<const model::OptionalPart> optional_parts() const override { return kParts; }

    model::WireRequest request(const ModelRequest& request,
                               const Features& features) const override {
        model::WireRequest out;
        out.path = "/responses";
        json& body = out.body;
        body["model"] = model_;
        body["store"] = false; // the default keeps what users asked
        const std::string system = model::system_text(request, features);
        if (!system.empty()) {
            body["instructions"] = system;
        }
        body["input"] = json::array();
        for (const ModelMessage& one : request.messages) {
            body["input"].push_back(message_of(one));
        }
        body["stream"] = streams(request, features);
        if (request.schema != nullptr && features.has(kPartSchema)) {
            json& format = body["text"]["format"];
            format["type"] = "json_schema";
            format["name"] = request.schema->name;
            format["schema"] = request.schema->schema;
            format["strict"] = true;
        }
        if (!effort_.empty() && features.has(kPartEffort)) {
            body["reasoning"]["effort"] = effort_;
        }
        if (max_tokens_ > 0 && features.has(kPartMaxTokens)) {
            body["max_output_tokens"] = max_tokens_;
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
        if (type == "response.output_text.delta" || type == "response.refusal.delta") {
            piece.text = text_of(member(object, "delta"));
        } else if (type == "response.completed" || type == "response.incomplete" ||
                   type == "response.failed") {
            take_outcome(member(object, "response"), piece);
            piece.last = true;
        } else if (type == "error") { // its fields stand in the event itself
            json holder = object;
            if (!member(object, "error").is_object()) {
                holder["error"] = object;
                holder["error"].erase("type");
            }
            piece.error = error_of(holder);
        } else if (type.empty()) {
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
        if (!piece.error) {
            take_outcome(object, piece);
            piece.text = output_text(object);
        }
        return piece;
    }

  private:
    std::string model_;
    std::string effort_;
    std::uint64_t max_tokens_;
};

} // namespace

std::unique_ptr<model::Dialect> make_responses_dialect(const model::Options& options) {
    return std::make_unique<ResponsesDialect>(options);
}

} // namespace mr::openai
