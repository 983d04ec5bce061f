// Gemini's generateContent, by the Developer API and by Vertex AI; section 5.
#include "tests/emulator/gemini.h"

#include "tests/emulator/google.h"

#include <algorithm>
#include <map>

namespace mr::emulator {
namespace {

using nlohmann::json;

struct Making {
    const Behaviour& how;
    std::string model, id = fresh_id("emulated-");
    Tokens tokens;

    json frame() const { return {{"modelVersion", model}, {"responseId", id}}; }

    json usage() const {
        const std::size_t in = usage_of(how, "input", 100);
        const std::size_t out = usage_of(how, "output", tokens.count());
        const std::size_t thoughts = how.thoughts.empty() ? 0 : 40;
        return {{"promptTokenCount", in},
                {"candidatesTokenCount", out},
                {"thoughtsTokenCount", thoughts},
                {"totalTokenCount", in + out + thoughts}};
    }

    std::string finish() const {
        if (how.finish == "length") {
            return "MAX_TOKENS";
        }
        return !how.finish.empty() ? how.finish : !how.refusal.empty() ? "SAFETY" : "STOP";
    }

    json chunk(json parts, bool last) const {
        json candidate = {{"index", 0}};
        if (!parts.empty()) {
            candidate["content"] = {{"role", "model"}, {"parts", std::move(parts)}};
        }
        if (last) {
            candidate["finishReason"] = finish();
            candidate["safetyRatings"] = json::array();
        }
        json body = frame();
        body["candidates"] = json::array({candidate});
        if (last && how.usage != false) {
            body["usageMetadata"] = usage();
        }
        return body;
    }

    json blocked() const {
        json body = frame();
        body["promptFeedback"] = {{"blockReason", how.blocked}};
        body["usageMetadata"] = {{"promptTokenCount", usage_of(how, "input", 100)}};
        return body;
    }

    json thought() const { return {{"text", how.thoughts}, {"thought", true}}; }

    json calls() const {
        json parts = json::array();
        if (how.tool_calls.is_array()) {
            for (const json& wanted : how.tool_calls) {
                parts.push_back({{"functionCall",
                                  {{"name", wanted.at("name")},
                                   {"args", wanted.value("arguments", json::object())}}},
                                 {"thoughtSignature", "c2ln"}});
            }
        }
        return parts;
    }
};

Answer whole(const Making& make) {
    if (!make.how.blocked.empty()) {
        return json_answer(200, make.blocked());
    }
    json parts = make.calls();
    if (parts.empty() && make.how.refusal.empty()) {
        parts.push_back({{"text", make.tokens.whole()}});
    }
    if (!make.how.thoughts.empty()) {
        parts.insert(parts.begin(), make.thought());
    }
    return json_answer(200, make.chunk(parts, true));
}

Answer streamed(const Making& make) {
    Answer answer;
    answer.content_type = "text/event-stream";
    EventStream events;
    events.ping = {"", dump(make.frame())};
    events.empty = {"", dump(make.chunk(json::array({{{"text", ""}}}), false))};
    events.error = [](const json& error, const std::string& form) {
        json as = error.is_object() ? error : json::object();
        as["array"] = form == "array";
        const json code = field_of(error, "code", 503);
        const std::string text = dump(google::error_body(code.get<int>(), as));
        return std::vector<Event>{{"", text, form != "data"}};
    };
    if (!make.how.blocked.empty()) {
        events.tail.push_back({"", dump(make.blocked())});
        answer.stream = std::move(events);
        return answer;
    }
    if (!make.how.thoughts.empty()) {
        events.head.push_back({"", dump(make.chunk(json::array({make.thought()}), false))});
    }
    if (make.how.refusal.empty()) {
        events.tokens = make.tokens;
    }
    const std::string mark = "\x01";
    const std::string form = dump(make.chunk(json::array({{{"text", mark}}}), false));
    const std::string escaped = dump(mark);
    const std::size_t at = form.find(escaped);
    events.token = [before = form.substr(0, at), after = form.substr(at + escaped.size())](
                       std::size_t, const std::string& token) {
        return Event{"", before + dump(token) + after};
    };
    json parts = make.calls();
    if (parts.empty() && make.how.refusal.empty()) {
        parts.push_back({{"text", ""}});
    }
    events.tail.push_back({"", dump(make.chunk(parts, true))});
    answer.stream = std::move(events);
    return answer;
}

// …/models/NAME:METHOD, with what stands before it.
struct Target {
    std::string before, model, method;
};

Target target_of(const std::string& path) {
    const std::size_t models = path.rfind("/models");
    if (models == std::string::npos) {
        return {};
    }
    const std::string rest = path.substr(models + 7);
    const std::size_t colon = rest.find(':');
    Target target{path.substr(0, models), rest.empty() ? "" : rest.substr(1, colon - 1), ""};
    target.method = colon == std::string::npos ? "" : rest.substr(colon + 1);
    return target;
}

class Gemini final : public Provider {
  public:
    explicit Gemini(const Account& account) : account_(account) {}

    std::optional<Answer> refuse(Call& call) override {
        const Target target = target_of(call.path);
        const bool stream = target.method == "streamGenerateContent";
        const bool count = target.method == "countTokens";
        const bool generate = target.method == "generateContent" || stream || count;
        const bool list = target.method.empty() && call.request.method == "GET";
        if (!known_place(call, target.before) || (!generate && !list) ||
            (generate && call.request.method != "POST")) {
            return refusal(call, 404, "There is nothing at this path.");
        }
        call.record.endpoint = generate ? target.method : "models";
        if (auto refused = refuse_key(call)) {
            return refused;
        }
        if (generate) {
            if (!is_json(call.request) || !call.body.is_object()) {
                return refusal(call, 400, "The body is not a JSON object.");
            }
            if (const Found problem =
                    count ? check_gemini_count(call.body) : check_gemini(call.body)) {
                return refusal(call, 400, google::words(*problem));
            }
        }
        const auto& known = call.script.models(call.provider);
        if (!target.model.empty() && std::ranges::find(known, target.model) == known.end()) {
            return refusal(call, 404, "models/" + target.model + " is not found.");
        }
        if (stream && call.query("alt") != "sse") {
            call.record.notes.emplace_back("a stream without alt=sse");
        }
        return std::nullopt;
    }

    Answer answer(Call& call, const Behaviour& how) override {
        const Target target = target_of(call.path);
        if (call.record.endpoint == "models") {
            return models(call, target);
        }
        if (call.record.endpoint == "countTokens") {
            return json_answer(200, {{"totalTokens", 1}, {"totalBillableCharacters", 3}});
        }
        const json config = call.body.value("generationConfig", json::object());
        if (!how.unsupported.empty() && config.contains(how.unsupported)) {
            return fail(call, 400, {{"message", how.unsupported + " is not supported."}});
        }
        json schema = config.value("responseSchema", json());
        schema = config.value("responseJsonSchema", schema);
        const Making make{how, target.model, fresh_id("emulated-"),
                          how.tool_calls.is_array() ? Tokens() : tokens_of(how, schema)};
        if (call.record.endpoint == "generateContent" || how.json_instead) {
            return whole(make);
        }
        if (call.query("alt") == "sse") {
            return streamed(make);
        }
        Answer list = whole(make);
        list.body = "[" + list.body + "]";
        return list;
    }

    Answer fail(const Call& call, int status, const json& error) override {
        json as = error.is_object() ? error : json::object();
        if (call.record.endpoint == "streamGenerateContent" && call.query("alt") != "sse") {
            as["array"] = true;
        }
        return json_answer(status, google::error_body(status, as));
    }

  private:
    static bool known_place(const Call& call, const std::string& before) {
        if (call.provider == "gemini") {
            return before == "/v1beta" || before == "/v1";
        }
        const std::vector<std::string> parts = split_path(before);
        return parts.size() == 7 && (parts[0] == "v1" || parts[0] == "v1beta1") &&
               parts[1] == "projects" && parts[3] == "locations" && parts[5] == "publishers" &&
               parts[6] == "google";
    }

    Answer refusal(Call& call, int status, const std::string& text, json error = json::object()) {
        call.record.problem = text;
        error["message"] = text;
        return fail(call, status, error);
    }

    std::optional<Answer> refuse_key(Call& call) {
        if (call.provider == "vertex") {
            if (const auto problem = google::unauthorized(call, account_)) {
                return refusal(call, 401, "Not authenticated: " + *problem + ".");
            }
            return std::nullopt;
        }
        const std::string* header = call.request.header("x-goog-api-key");
        const std::string key = header ? *header : call.query("key");
        if (!header && !key.empty()) {
            call.record.notes.emplace_back("the key is in the URL");
        }
        if (key.empty()) {
            return refusal(call, 403, "The request has no identity.");
        }
        if (!call.known_key(key)) {
            return refusal(call, 400, "The API key is not valid.", {{"reason", "API_KEY_INVALID"}});
        }
        return std::nullopt;
    }

    Answer models(const Call& call, const Target& target) {
        json list = json::array();
        for (const std::string& name : call.script.models(call.provider)) {
            json model = {{"name", "models/" + name},
                          {"version", "001"},
                          {"displayName", name},
                          {"inputTokenLimit", 1'048'576},
                          {"outputTokenLimit", 65'536},
                          {"supportedGenerationMethods",
                           {"generateContent", "countTokens", "streamGenerateContent"}}};
            if (target.model == name) {
                return json_answer(200, model);
            }
            list.push_back(std::move(model));
        }
        return json_answer(200, {{"models", list}});
    }

    const Account& account_;
};

} // namespace

std::unique_ptr<Provider> make_gemini(const Account& account) {
    return std::make_unique<Gemini>(account);
}

} // namespace mr::emulator
