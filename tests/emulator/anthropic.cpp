// Anthropic Messages and its list of models; section 3.
#include "tests/emulator/anthropic.h"

#include <algorithm>

namespace mr::emulator {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxRequestBytes = 32 * 1024 * 1024;

struct Words {
    int status;
    const char* type;
};

constexpr Words kWords[] = {{400, "invalid_request_error"}, {401, "authentication_error"},
                            {402, "billing_error"},         {403, "permission_error"},
                            {404, "not_found_error"},       {413, "request_too_large"},
                            {429, "rate_limit_error"},      {500, "api_error"},
                            {504, "timeout_error"},         {529, "overloaded_error"}};

json error_body(int status, const json& error) {
    const auto* words = std::ranges::find(kWords, status, &Words::status);
    json inner = {
        {"type", field_of(error, "type", words == std::end(kWords) ? "api_error" : words->type)},
        {"message", field_of(error, "message", "As told.")}};
    if (error.is_object() && error.contains("details")) {
        inner["details"] = error["details"];
    }
    return {{"type", "error"}, {"error", inner}, {"request_id", fresh_id("req_")}};
}

Headers reply_headers() {
    return {{"request-id", fresh_id("req_")},
            {"anthropic-organization-id", "emulated"},
            {"anthropic-ratelimit-requests-limit", "50"},
            {"anthropic-ratelimit-requests-remaining", "49"},
            {"anthropic-ratelimit-requests-reset", "2026-11-28T12:00:00Z"}};
}

struct Making {
    Behaviour how;
    std::string id = fresh_id("msg_"), model;
    Tokens tokens;

    Making(const json& body, const Behaviour& behaviour) : how(behaviour), model(body["model"]) {
        json schema;
        if (body.contains("output_config") && body["output_config"].contains("format")) {
            schema = body["output_config"]["format"]["schema"];
        }
        tokens = how.tool_calls.is_array() ? Tokens() : tokens_of(how, schema);
    }

    std::string stop_reason() const {
        if (how.finish == "length") {
            return "max_tokens";
        }
        return !how.finish.empty()         ? how.finish
               : !how.refusal.empty()      ? "refusal"
               : how.tool_calls.is_array() ? "tool_use"
                                           : "end_turn";
    }

    json usage(std::size_t output) const {
        return {{"input_tokens", usage_of(how, "input", 100)},
                {"output_tokens", output},
                {"cache_creation_input_tokens", 0},
                {"cache_read_input_tokens", 0},
                {"service_tier", "standard"}};
    }

    std::size_t output_tokens() const { return usage_of(how, "output", tokens.count()); }

    json message() const {
        return {{"id", id},
                {"type", "message"},
                {"role", "assistant"},
                {"model", model},
                {"content", json::array()},
                {"stop_reason", nullptr},
                {"stop_sequence", nullptr}};
    }

    json stop() const {
        json out = {{"stop_reason", stop_reason()}, {"stop_sequence", nullptr}};
        if (stop_reason() == "refusal") {
            out["stop_details"] = {
                {"type", "refusal"}, {"category", "other"}, {"explanation", how.refusal}};
        }
        return out;
    }
};

json tool_block(const json& wanted, bool empty) {
    return {{"type", "tool_use"},
            {"id", fresh_id("toolu_")},
            {"name", wanted.at("name")},
            {"input", empty ? json::object() : wanted.value("arguments", json::object())}};
}

Answer whole(const Making& make) {
    json body = make.message();
    if (!make.how.thoughts.empty()) {
        body["content"].push_back(
            {{"type", "thinking"}, {"thinking", make.how.thoughts}, {"signature", "c2ln"}});
    }
    if (make.how.tool_calls.is_array()) {
        for (const json& wanted : make.how.tool_calls) {
            body["content"].push_back(tool_block(wanted, false));
        }
    } else if (make.tokens.count() > 0) {
        body["content"].push_back({{"type", "text"}, {"text", make.tokens.whole()}});
    }
    body.update(make.stop());
    body["usage"] = make.usage(make.output_tokens());
    return json_answer(200, body, reply_headers());
}

void add(std::vector<Event>& list, const char* type, json body) {
    body["type"] = type;
    list.push_back({type, dump(body)});
}

void add_block(std::vector<Event>& list, std::size_t index, const json& block,
               const std::vector<json>& deltas) {
    add(list, "content_block_start", {{"index", index}, {"content_block", block}});
    for (const json& delta : deltas) {
        add(list, "content_block_delta", {{"index", index}, {"delta", delta}});
    }
    add(list, "content_block_stop", {{"index", index}});
}

void add_tools(const Making& make, std::size_t index, std::vector<Event>& list) {
    for (const json& wanted : make.how.tool_calls) {
        const std::string text = dump(wanted.value("arguments", json::object()));
        std::vector<json> deltas{{{"type", "input_json_delta"}, {"partial_json", ""}}};
        for (std::size_t at = 0; at < text.size() && text != "{}"; at += 7) {
            deltas.push_back({{"type", "input_json_delta"}, {"partial_json", text.substr(at, 7)}});
        }
        add_block(list, index++, tool_block(wanted, true), deltas);
    }
}

Answer streamed(const std::shared_ptr<Making>& make) {
    Answer answer;
    answer.headers = reply_headers();
    answer.content_type = "text/event-stream; charset=utf-8";
    EventStream events;
    json first = make->message();
    first["usage"] = make->usage(1);
    add(events.head, "message_start", {{"message", first}});
    std::size_t index = 0;
    if (!make->how.thoughts.empty()) {
        add_block(events.head, index++, {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}},
                  {{{"type", "thinking_delta"}, {"thinking", make->how.thoughts}},
                   {{"type", "signature_delta"}, {"signature", "c2ln"}}});
    }
    if (make->how.tool_calls.is_array()) {
        add_tools(*make, index, events.tail);
    } else {
        add(events.head, "content_block_start",
            {{"index", index}, {"content_block", {{"type", "text"}, {"text", ""}}}});
        add(events.tail, "content_block_stop", {{"index", index}});
    }
    events.tokens = make->tokens;
    events.token = [index](std::size_t, const std::string& token) {
        return Event{"content_block_delta",
                     R"({"type":"content_block_delta","index":)" + std::to_string(index) +
                         R"(,"delta":{"type":"text_delta","text":)" + dump(token) + "}}"};
    };
    json last = {{"delta", make->stop()}};
    if (make->how.usage != false) {
        last["usage"] = {{"output_tokens", make->output_tokens()}};
    }
    add(events.tail, "message_delta", last);
    add(events.tail, "message_stop", json::object());
    events.error = [](const json& error, const std::string&) {
        return std::vector<Event>{{"error", dump(error_body(529, error))}};
    };
    events.ping = {"ping", R"({"type":"ping"})"};
    events.empty = events.token(0, "");
    answer.stream = std::move(events);
    return answer;
}

class Anthropic final : public Provider {
  public:
    std::optional<Answer> refuse(Call& call) override {
        const bool messages = call.path == "/v1/messages";
        const bool models = call.path == "/v1/models" || call.path.starts_with("/v1/models/");
        call.record.endpoint = messages ? "messages" : models ? "models" : "";
        if (call.record.endpoint.empty()) {
            return refusal(call, 404, "There is nothing at this path.");
        }
        if (call.request.method != (messages ? "POST" : "GET")) {
            return refusal(call, 405, "Not with this method.");
        }
        const std::string* key = call.request.header("x-api-key");
        const std::optional<std::string> bearer = call.bearer();
        if (!(key && call.known_key(*key)) && !(bearer && call.known_key(*bearer))) {
            return refusal(call, 401, "The API key is missing or not correct.");
        }
        const std::string* version = call.request.header("anthropic-version");
        if (!version || (*version != "2023-06-01" && *version != "2026-10-21")) {
            return refusal(call, 400, "anthropic-version is missing or not known.");
        }
        return messages ? refuse_body(call, *version) : refuse_model(call);
    }

    Answer answer(Call& call, const Behaviour& how) override {
        if (call.record.endpoint == "models") {
            return models(call);
        }
        if (!how.unsupported.empty() && call.body.contains(how.unsupported)) {
            return fail(call, 400, {{"message", how.unsupported + " is not supported"}});
        }
        const auto make = std::make_shared<Making>(call.body, how);
        const bool stream = call.body.value("stream", false) && !how.json_instead;
        return stream ? streamed(make) : whole(*make);
    }

    Answer fail(const Call&, int status, const json& error) override {
        return json_answer(status, error_body(status, error), reply_headers());
    }

  private:
    Answer refusal(Call& call, int status, const std::string& text) {
        call.record.problem = text;
        return fail(call, status, {{"message", text}});
    }

    std::optional<Answer> refuse_body(Call& call, const std::string& version) {
        if (call.request.body.size() > kMaxRequestBytes) {
            return refusal(call, 413, "The request is larger than 32 MB.");
        }
        if (!is_json(call.request) || !call.body.is_object()) {
            return refusal(call, 400, "The body is not a JSON object.");
        }
        if (const Found problem = check_anthropic(call.body, version)) {
            return refusal(call, 400, problem->where + ": " + problem->text);
        }
        return refuse_model(call);
    }

    std::optional<Answer> refuse_model(Call& call) {
        const bool one = call.path.starts_with("/v1/models/");
        if (call.record.endpoint == "models" && !one) {
            return std::nullopt;
        }
        const std::string name = one ? call.path.substr(11) : call.body["model"].get<std::string>();
        const auto& known = call.script.models(call.provider);
        if (std::ranges::find(known, name) == known.end()) {
            return refusal(call, 404, "model: " + name);
        }
        return std::nullopt;
    }

    Answer models(const Call& call) {
        json list = json::array();
        for (const std::string& name : call.script.models(call.provider)) {
            json model = {{"type", "model"},
                          {"id", name},
                          {"display_name", name},
                          {"created_at", "2026-01-01T00:00:00Z"}};
            if (call.path == "/v1/models/" + name) {
                return json_answer(200, model, reply_headers());
            }
            list.push_back(std::move(model));
        }
        json body = {
            {"data", list}, {"has_more", false}, {"first_id", nullptr}, {"last_id", nullptr}};
        if (!list.empty()) {
            body["first_id"] = list.front()["id"];
            body["last_id"] = list.back()["id"];
        }
        return json_answer(200, body, reply_headers());
    }
};

} // namespace

std::unique_ptr<Provider> make_anthropic() {
    return std::make_unique<Anthropic>();
}

} // namespace mr::emulator
