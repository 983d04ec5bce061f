// Deepgram: live recognition over a WebSocket, recognition of whole sound, lists of projects and
// models; section 11. Recognises sound of the tests' making (deepgram_ear.h).
#include "tests/emulator/deepgram.h"

#include "tests/emulator/deepgram_rest.h"
#include "tests/emulator/deepgram_talk.h"
#include "tests/emulator/websocket.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace mr::emulator {
namespace {

using nlohmann::json;

Answer refusal(int status, const std::string& code, const std::string& text,
               const std::string& id) {
    return json_answer(status, {{"err_code", code}, {"err_msg", text}, {"request_id", id}},
                       {{"dg-request-id", id}, {"dg-error", text}});
}

struct Parameter {
    std::string_view name;
    enum class Kind { word, count, flag, list } kind;
};

using Kind = Parameter::Kind;
constexpr std::array<std::string_view, 5> kLanguages{"en", "en-US", "en-GB", "de", "multi"};

constexpr std::array kParameters{
    Parameter{"model", Kind::word},
    Parameter{"language", Kind::word},
    Parameter{"encoding", Kind::word},
    Parameter{"sample_rate", Kind::count},
    Parameter{"channels", Kind::count},
    Parameter{"interim_results", Kind::flag},
    Parameter{"endpointing", Kind::word},
    Parameter{"utterance_end_ms", Kind::count},
    Parameter{"vad_events", Kind::flag},
    Parameter{"smart_format", Kind::flag},
    Parameter{"punctuate", Kind::flag},
    Parameter{"numerals", Kind::flag},
    Parameter{"profanity_filter", Kind::flag},
    Parameter{"mip_opt_out", Kind::flag},
    Parameter{"diarize", Kind::flag},
    Parameter{"tag", Kind::list},
    Parameter{"version", Kind::word},
    Parameter{"keywords", Kind::list},
    Parameter{"keyterm", Kind::list},
};

std::optional<std::uint64_t> count_of(const std::string& text) {
    std::uint64_t value = 0;
    const auto end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    return read.ec == std::errc() && read.ptr == end && !text.empty() ? std::optional(value)
                                                                      : std::nullopt;
}

// What is wrong with one parameter by itself; empty: nothing.
std::string problem_of(const std::string& name, const std::string& value) {
    const auto* known = std::ranges::find(kParameters, std::string_view(name), &Parameter::name);
    if (known == kParameters.end()) {
        return "unknown parameter " + name;
    }
    if (known->kind == Kind::flag && value != "true" && value != "false") {
        return name + " has to be true or false";
    }
    if (known->kind == Kind::count && !count_of(value)) {
        return name + " has to be a number";
    }
    return value.empty() ? name + " is empty" : "";
}

// Several of one name are allowed in lists alone.
std::string read_parameters(const Request& request, std::multimap<std::string, std::string>& out) {
    std::string_view rest = request.query;
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const std::string name = unescape(pair.substr(0, equals));
        const std::string value = unescape(pair.substr(std::min(equals + 1, pair.size())));
        if (std::string problem = problem_of(name, value); !problem.empty()) {
            return problem;
        }
        const auto* known =
            std::ranges::find(kParameters, std::string_view(name), &Parameter::name);
        if (known->kind != Kind::list && out.contains(name)) {
            return name + " is given twice";
        }
        out.emplace(name, value);
    }
    return {};
}

class Deepgram final : public Provider {
  public:
    std::optional<Answer> refuse(Call& call) override {
        const std::string id = fresh_id("00000000-0000-4000-8000-");
        call.record.endpoint = endpoint_of(call);
        if (call.record.endpoint.empty()) {
            return refused(call, 404, "NOT_FOUND", "no such endpoint", id);
        }
        if (!authorised(call)) {
            return refused(call, 401, "INVALID_AUTH", "Invalid credentials.", id);
        }
        const bool whole = call.record.endpoint == "recorded";
        if (!whole && call.record.endpoint != "listen") {
            return std::nullopt;
        }
        std::string problem = whole ? sound_problem(call) : upgrade_problem(call.request);
        if (problem.empty()) {
            EarOptions options;
            problem = options_of(call, options);
        }
        return problem.empty() ? std::nullopt : refused(call, 400, "Bad Request", problem, id);
    }

    Answer answer(Call& call, const Behaviour& how) override {
        const std::string id = fresh_id("00000000-0000-4000-8000-");
        if (call.path == "/v1/projects") {
            const json project{{"project_id", "emulated-project"}, {"name", "Emulated"}};
            return json_answer(200, {{"projects", json::array({project})}},
                               {{"dg-request-id", id}});
        }
        if (call.path == "/v1/models") {
            return deepgram_models(call.script.models(call.provider), id);
        }
        EarOptions options;
        (void)options_of(call, options);
        options.request_id = id;
        if (call.record.endpoint == "recorded") {
            return deepgram_recorded(std::move(options), call.request.body, how);
        }
        Answer reply;
        reply.status = 101;
        reply.headers = {{"dg-request-id", id}};
        reply.dialogue = deepgram_dialogue(std::move(options), how);
        return reply;
    }

    Answer fail(const Call&, int status, const json& error) override {
        static const std::map<int, std::pair<const char*, const char*>> kUsual{
            {400, {"Bad Request", "as the script says"}},
            {401, {"INVALID_AUTH", "Invalid credentials."}},
            {402, {"ASR_PAYMENT_REQUIRED", "The project does not have enough credits."}},
            {403,
             {"INSUFFICIENT_PERMISSIONS", "Project does not have access to the requested model."}},
            {429, {"TOO_MANY_REQUESTS", "Too many requests. Please try again later"}}};
        const auto found = kUsual.find(status);
        const auto usual = found == kUsual.end()
                               ? std::pair("INTERNAL_SERVER_ERROR", "as the script says")
                               : found->second;
        return refusal(status, field_of(error, "err_code", usual.first),
                       field_of(error, "err_msg", usual.second),
                       fresh_id("00000000-0000-4000-8000-"));
    }

  private:
    static std::string endpoint_of(const Call& call) {
        const bool get = call.request.method == "GET";
        if (call.path == "/v1/listen") {
            return get ? "listen" : call.request.method == "POST" ? "recorded" : "";
        }
        return !get                          ? ""
               : call.path == "/v1/projects" ? "projects"
               : call.path == "/v1/models"   ? "models"
                                             : "";
    }

    // Of a request with whole sound.
    static std::string sound_problem(const Call& call) {
        for (const char* live :
             {"interim_results", "endpointing", "utterance_end_ms", "vad_events"}) {
            if (!call.query(live).empty()) {
                return std::string(live) + " is for live streams alone";
            }
        }
        if (is_json(call.request)) {
            return "the emulator fetches no sound by its URL";
        }
        const std::size_t bytes = call.request.body.size();
        return bytes == 0 || bytes % 2 != 0 ? "failed to process audio: corrupt or unsupported data"
                                            : "";
    }

    static std::optional<Answer> refused(Call& call, int status, const std::string& code,
                                         const std::string& text, const std::string& id) {
        call.record.problem = text;
        return refusal(status, code, text, id);
    }

    static bool authorised(const Call& call) {
        const std::string* value = call.request.header("authorization");
        const auto has = [&](std::string_view scheme) {
            return value && value->starts_with(scheme) &&
                   call.known_key(value->substr(scheme.size()));
        };
        return has("Token ") || has("token ") || has("Bearer ");
    }

    // What is wrong with the parameters, or what they ask for.
    static std::string options_of(const Call& call, EarOptions& options) {
        std::multimap<std::string, std::string> given;
        if (std::string problem = read_parameters(call.request, given); !problem.empty()) {
            return problem;
        }
        const auto value = [&](const char* name, const char* otherwise) {
            const auto found = given.find(name);
            return found == given.end() ? std::string(otherwise) : found->second;
        };
        const std::string model = value("model", "");
        const auto& models = call.script.models(call.provider);
        const std::string language = value("language", "en");
        if (std::ranges::find(models, model) == models.end() ||
            std::ranges::find(kLanguages, language) == kLanguages.end()) {
            return "no such model/language/tier combination found";
        }
        if (given.contains(model.starts_with("nova-3") ? "keywords" : "keyterm")) {
            return model.starts_with("nova-3") ? "keywords are not for nova-3: use keyterm"
                                               : "keyterm is for nova-3 alone";
        }
        const std::uint64_t rate = count_of(value("sample_rate", "0")).value_or(0);
        if (value("encoding", "") != "linear16" || rate < 8'000 || rate > 48'000) {
            return "raw audio needs encoding=linear16 and a sample_rate of 8000 to 48000";
        }
        if (value("channels", "1") != "1") {
            return "the emulator hears one channel";
        }
        options.rate = rate;
        const bool interim = value("interim_results", "false") == "true";
        options.interim_ms = interim ? options.interim_ms : 0;
        options.vad_events = value("vad_events", "false") == "true";
        const std::string endpointing = value("endpointing", "10");
        if (endpointing != "false" && !count_of(endpointing)) {
            return "endpointing has to be a number or false";
        }
        options.endpointing_ms = count_of(endpointing).value_or(0);
        options.utterance_end_ms = count_of(value("utterance_end_ms", "0")).value_or(0);
        if (given.contains("utterance_end_ms") && (!interim || options.utterance_end_ms < 1'000)) {
            return "utterance_end_ms has to be 1000 or more, with interim_results";
        }
        return {};
    }
};

} // namespace

std::unique_ptr<Provider> make_deepgram() {
    return std::make_unique<Deepgram>();
}

} // namespace mr::emulator
