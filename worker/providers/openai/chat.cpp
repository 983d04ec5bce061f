// Chat Completions: requests.
#include "worker/providers/openai/chat_reply.h"
#include "worker/providers/openai/dialects.h"

namespace mr::openai {
namespace {

using model::Features;
using model::kPartSchema;
using model::kPartStream;
using nlohmann::json;

constexpr std::string_view kPartUsage = "stream_options";
constexpr std::string_view kPartEffort = "reasoning_effort";
constexpr std::string_view kPartMaxTokens = "max_completion_tokens";

constexpr model::OptionalPart kParts[] = {
    {kPartUsage, "stream_options", "stream_options"},
    {kPartStream, "stream", ""},
    {kPartSchema, "response_format", "response_format"},
    {kPartEffort, "reasoning_effort", "reasoning_effort"},
    {kPartMaxTokens, "max_completion_tokens", "max_completion_tokens"},
};

class ChatDialect final : public model::Dialect {
  public:
    explicit ChatDialect(const model::Options& options)
        : model_(options.model), effort_(options.effort), max_tokens_(options.max_tokens) {}

    std::string_view provider() const override { return "openai"; }
    std::string_view request_id_header() const override { return "x-request-id"; }
    std::string_view client_id_header() const override { return "X-Client-Request-Id"; }
    std::span<const model::OptionalPart> optional_parts() const override { return kParts; }

    model::WireRequest request(const ModelRequest& request,
                               const Features& features) const override {
        model::WireRequest out;
        out.path = "/chat/completions";
        json& body = out.body;
        body["model"] = model_;
        body["messages"] = json::array();
        const std::string system = model::system_text(request, features);
        if (!system.empty()) {
            body["messages"].push_back(role_message("system", system));
        }
        for (const ModelMessage& one : request.messages) {
            body["messages"].push_back(message_of(one));
        }
        body["stream"] = streams(request, features);
        if (body["stream"] == true && features.has(kPartUsage)) {
            body["stream_options"]["include_usage"] = true;
        }
        if (request.schema != nullptr && features.has(kPartSchema)) {
            body["response_format"] = response_format(*request.schema);
        }
        if (!effort_.empty() && features.has(kPartEffort)) {
            body["reasoning_effort"] = effort_;
        }
        if (max_tokens_ > 0) { // older servers know the older name alone
            body[features.has(kPartMaxTokens) ? "max_completion_tokens" : "max_tokens"] =
                max_tokens_;
        }
        return out;
    }

    std::optional<model::Piece> event(std::string_view data) const override {
        return parse_event(data);
    }
    std::optional<model::Piece> reply(std::string_view body) const override {
        return parse_reply(body);
    }

  private:
    static json response_format(const ReplySchema& schema) {
        json format;
        format["type"] = "json_schema";
        format["json_schema"]["name"] = schema.name;
        format["json_schema"]["schema"] = schema.schema;
        format["json_schema"]["strict"] = true;
        return format;
    }

    std::string model_;
    std::string effort_;
    std::uint64_t max_tokens_;
};

} // namespace

json role_message(std::string_view role, std::string_view content) {
    json out;
    out["role"] = role;
    out["content"] = content;
    return out;
}

json message_of(const ModelMessage& message) {
    return role_message(message.speaker == Speaker::user ? "user" : "assistant", message.text);
}

std::unique_ptr<model::Dialect> make_chat_dialect(const model::Options& options) {
    return std::make_unique<ChatDialect>(options);
}

} // namespace mr::openai
