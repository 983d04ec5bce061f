#include "tests/emulator/openai.h"

#include <algorithm>

namespace mr::emulator {
namespace openai {
namespace {

using nlohmann::json;

struct Words {
    int status;
    const char* type;
    const char* code;
    const char* message;
};

constexpr Words kWords[] = {
    {400, "invalid_request_error", nullptr, "The request is not valid."},
    {401, "invalid_request_error", "invalid_api_key", "The API key is not correct."},
    {403, "invalid_request_error", "unsupported_country", "This is not allowed from here."},
    {404, "invalid_request_error", "model_not_found", "There is no such model for you."},
    {409, "conflict_error", nullptr, "The resource is being changed."},
    {429, "requests", "rate_limit_exceeded", "The rate limit is reached."},
    {500, "server_error", nullptr, "The server had an error."},
    {503, "service_unavailable_error", "server_is_overloaded", "The server is overloaded."},
};

} // namespace

json error_body(int status, const json& error) {
    const auto* words = std::ranges::find(kWords, status, &Words::status);
    const bool known = words != std::end(kWords);
    json inner;
    inner["message"] = field_of(error, "message", known ? words->message : "As told.");
    inner["type"] = field_of(error, "type", known ? words->type : "server_error");
    inner["param"] = field_of(error, "param", nullptr);
    inner["code"] = field_of(error, "code", known && words->code ? json(words->code) : json());
    return {{"error", inner}};
}

Headers reply_headers() {
    return {{"x-request-id", fresh_id("req_")},     {"openai-version", "2020-10-01"},
            {"openai-processing-ms", "7"},          {"openai-organization", "emulated"},
            {"x-ratelimit-limit-requests", "500"},  {"x-ratelimit-remaining-requests", "499"},
            {"x-ratelimit-reset-requests", "120ms"}};
}

Check schema_name() {
    return [](const json& value, const std::string& where) -> Found {
        const std::string& name = value.get_ref<const std::string&>();
        const bool good = std::ranges::all_of(
            name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; });
        if (name.empty() || name.size() > 64 || !good) {
            return wrong(where, "is not a name");
        }
        return std::nullopt;
    };
}

bool reasons(const std::string& model) {
    return model.starts_with("o1") || model.starts_with("o3") || model.starts_with("o4") ||
           model.starts_with("gpt-5") || model.starts_with("gpt-6");
}

namespace {

class OpenAi final : public Provider {
  public:
    std::optional<Answer> refuse(Call& call) override {
        const bool get = call.request.method == "GET";
        const bool chat = call.path == "/v1/chat/completions";
        const bool responses = call.path == "/v1/responses";
        const bool models = call.path == "/v1/models" || call.path.starts_with("/v1/models/");
        call.record.endpoint = chat ? "chat" : responses ? "responses" : models ? "models" : "";
        if (call.record.endpoint.empty()) {
            return refusal(call, 404, "There is nothing at this path.", {{"code", nullptr}});
        }
        if (get != models || (!get && call.request.method != "POST")) {
            return refusal(call, 405, "Not with this method.", {{"type", "invalid_request_error"}});
        }
        const std::optional<std::string> key = call.bearer();
        if (!key || !call.known_key(*key)) {
            return refusal(call, 401, "The API key is missing or not correct.", {});
        }
        if (const std::string* id = call.request.header("x-client-request-id");
            id && (id->size() > 512 || std::ranges::any_of(*id, [](char c) { return c < 0; }))) {
            return refusal(call, 400, "X-Client-Request-Id is not 512 ASCII characters.", {});
        }
        return models ? refuse_model(call) : refuse_body(call, chat);
    }

    Answer answer(Call& call, const Behaviour& how) override {
        if (call.record.endpoint == "models") {
            return models(call);
        }
        const bool stream = call.body.value("stream", false);
        if (how.unverified && stream) {
            return fail(call, 400,
                        {{"message", "Your organization is not verified to stream this model."},
                         {"param", "stream"},
                         {"code", "unsupported_value"}});
        }
        if (!how.unsupported.empty() && call.body.contains(how.unsupported)) {
            return fail(call, 400,
                        {{"message", "Not supported with this model: " + how.unsupported},
                         {"param", how.unsupported},
                         {"code", "unsupported_parameter"}});
        }
        return call.record.endpoint == "chat" ? chat(call, how) : responses(call, how);
    }

    Answer fail(const Call&, int status, const json& error) override {
        return json_answer(status, error_body(status, error), reply_headers());
    }

  private:
    Answer refusal(Call& call, int status, const std::string& text, json error) {
        call.record.problem = text;
        error["message"] = text;
        return fail(call, status, error);
    }

    std::optional<Answer> refuse_body(Call& call, bool chat) {
        if (!is_json(call.request) || !call.body.is_object()) {
            return refusal(call, 400, "The body is not a JSON object.", {});
        }
        const Found problem = chat ? check_chat(call.body) : check_responses(call.body);
        if (problem) {
            static constexpr const char* kCodes[] = {
                "unknown_parameter", "missing_required_parameter", "invalid_type", "invalid_value"};
            return refusal(call, 400, problem->where + " " + problem->text,
                           {{"param", problem->where},
                            {"code", kCodes[static_cast<std::size_t>(problem->fault)]}});
        }
        if (call.body.value("stream", false) && call.request.header("accept-encoding")) {
            call.record.notes.emplace_back("a stream with Accept-Encoding");
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
            return refusal(call, 404, "There is no model " + name + " for you.", {});
        }
        return std::nullopt;
    }

    Answer models(const Call& call) {
        json list = json::array();
        for (const std::string& name : call.script.models(call.provider)) {
            json model = {{"id", name},
                          {"object", "model"},
                          {"created", 1'760'000'000},
                          {"owned_by", "emulator"}};
            if (call.path == "/v1/models/" + name) {
                return json_answer(200, model, reply_headers());
            }
            list.push_back(std::move(model));
        }
        return json_answer(200, {{"object", "list"}, {"data", list}}, reply_headers());
    }
};

} // namespace
} // namespace openai

std::unique_ptr<Provider> make_openai() {
    return std::make_unique<openai::OpenAi>();
}

} // namespace mr::emulator
