// ElevenLabs: speech as a stream, by a WebSocket, and whole, what the account has; section 12.
// Sound is a tone whose length follows the text.
#include "tests/emulator/elevenlabs_account.h"
#include "tests/emulator/elevenlabs_sound.h"
#include "tests/emulator/elevenlabs_talk.h"
#include "tests/emulator/provider.h"
#include "tests/emulator/websocket.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

namespace mr::emulator {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxCharacters = 40'000; // of a request to Flash v2.5
constexpr unsigned kMaxInactivity = 180;       // seconds
constexpr const char* kStreamInput = "stream-input";

constexpr std::array<std::string_view, 10> kSocketParameters{
    "model_id",  "language_code",           "enable_logging",     "enable_ssml_parsing",
    "seed",      "output_format",           "inactivity_timeout", "sync_alignment",
    "auto_mode", "apply_text_normalization"};

Found check_speech(const json& body) {
    static const Check kSettings = object_of({{"stability", kNumber, false, between(0, 1)},
                                              {"similarity_boost", kNumber, false, between(0, 1)},
                                              {"style", kNumber, false, between(0, 1)},
                                              {"use_speaker_boost", kBool},
                                              {"speed", kNumber, false, between(0.7, 1.2)}});
    static const Check kFew =
        each([](const json&, const std::string&) -> Found { return std::nullopt; }, 0, 3);
    static const std::vector<Field> kFields{
        {"text", kString, true, at_most_bytes(kMaxCharacters)},
        {"model_id", kString},
        {"language_code", kString},
        {"voice_settings", kObject, false, kSettings},
        {"pronunciation_dictionary_locators", kArray, false, kFew},
        {"seed", kInt, false, between(0, 4294967295.0)},
        {"previous_text", kString},
        {"next_text", kString},
        {"previous_request_ids", kArray, false, kFew},
        {"next_request_ids", kArray, false, kFew},
        {"use_pvc_as_ivc", kBool},
        {"apply_text_normalization", kString, false, one_of({"auto", "on", "off"})},
        {"apply_language_text_normalization", kBool},
    };
    return check_object(body, kFields, "body");
}

std::string parameter_problem(const Request& request) {
    for (std::string_view rest = request.query; !rest.empty();) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        const std::string_view name = pair.substr(0, pair.find('='));
        if (std::ranges::find(kSocketParameters, name) == kSocketParameters.end()) {
            return "There is no parameter " + std::string(name) + ".";
        }
    }
    return {};
}

class ElevenLabs final : public Provider {
  public:
    std::optional<Answer> refuse(Call& call) override {
        call.record.endpoint = endpoint_of(call);
        if (call.record.endpoint.empty()) {
            call.record.problem = "nothing at this path";
            return json_answer(404, {{"detail", "Not Found"}});
        }
        const std::string* key = call.request.header("xi-api-key");
        if (key == nullptr || !call.known_key(*key)) {
            return refusal(call, 401, "invalid_api_key", "Invalid API key");
        }
        if (call.record.endpoint == "voice" && !elevenlabs_has_voice(split_path(call.path)[2])) {
            return refusal(call, 404, "voice_not_found",
                           "A voice with the id " + split_path(call.path)[2] + " was not found.");
        }
        return of_account(call)                       ? std::nullopt
               : call.record.endpoint == kStreamInput ? refuse_socket(call)
                                                      : refuse_speech(call);
    }

    Answer answer(Call& call, const Behaviour& how) override {
        if (of_account(call)) {
            return json_answer(200, how.answer.is_structured() ? how.answer : account(call));
        }
        const std::string format = format_of(call);
        Answer answer;
        if (call.record.endpoint == kStreamInput) {
            TalkOptions options;
            options.rate = elevenlabs_rate(format);
            options.auto_mode = call.query("auto_mode") == "true";
            options.inactivity = std::chrono::seconds(inactivity_of(call));
            answer.status = 101;
            answer.dialogue = elevenlabs_dialogue(options, how);
            return answer;
        }
        answer.content_type = format.starts_with("pcm") ? "audio/pcm" : "audio/mpeg";
        answer.headers = {{"request-id", fresh_id("req_")},
                          {"character-cost", std::to_string(call.body["text"].size())},
                          {"current-concurrent-requests", "1"},
                          {"maximum-concurrent-requests", "20"}};
        const unsigned ms = how.answer.is_object()
                                ? how.answer.value("character_ms", kMsPerCharacter)
                                : kMsPerCharacter;
        answer.body = elevenlabs_tone(call.body["text"].get<std::string>().size(),
                                      elevenlabs_rate(format), ms);
        return answer;
    }

    Answer fail(const Call&, int status, const json& error) override {
        static const std::map<int, std::pair<const char*, const char*>> kUsual{
            {400, {"invalid_request", "As told."}},
            {401, {"quota_exceeded", "This request exceeds your quota."}},
            {402, {"paid_plan_required", "This needs a paid plan."}},
            {403, {"missing_permissions", "The API key lacks a permission."}},
            {404, {"voice_not_found", "A voice with that id was not found."}},
            {429, {"too_many_concurrent_requests", "Too many concurrent requests."}}};
        if (error.contains("text")) {
            return json_answer(status, {{"detail", error["text"]}}); // the plain form
        }
        if (status == 422) {
            const json one = {
                {"loc", {"body", "text"}}, {"msg", "As told."}, {"type", "value_error"}};
            return json_answer(status, {{"detail", json::array({one})}});
        }
        const auto usual = kUsual.find(status);
        const bool known = usual != kUsual.end();
        return json_answer(
            status, {{"detail",
                      {{"status",
                        field_of(error, "status", known ? usual->second.first : "internal_error")},
                       {"message",
                        field_of(error, "message", known ? usual->second.second : "As told.")}}}});
    }

  private:
    Answer refusal(Call& call, int status, const std::string& code, const std::string& text) {
        call.record.problem = text;
        return fail(call, status, {{"status", code}, {"message", text}});
    }

    std::optional<Answer> refuse_speech(Call& call) {
        if (!is_json(call.request) || !call.body.is_object()) {
            return refusal(call, 400, "invalid_request", "The body is not a JSON object.");
        }
        if (const Found problem = check_speech(call.body)) {
            call.record.problem = problem->where + " " + problem->text;
            const json one = {
                {"loc", {problem->where}}, {"msg", problem->text}, {"type", "value_error"}};
            return json_answer(422, {{"detail", json::array({one})}});
        }
        return refuse_choice(call, call.body.value("model_id", ""));
    }

    std::optional<Answer> refuse_socket(Call& call) {
        std::string problem = upgrade_problem(call.request);
        problem = problem.empty() ? parameter_problem(call.request) : problem;
        if (problem.empty() && inactivity_of(call) == 0) {
            problem = "inactivity_timeout is 1 to 180 seconds.";
        }
        return problem.empty() ? refuse_choice(call, call.query("model_id"))
                               : refusal(call, 400, "invalid_request", problem);
    }

    // Model, format and voice, however they were said.
    std::optional<Answer> refuse_choice(Call& call, const std::string& model) {
        const auto& models = call.script.models(call.provider);
        if (!model.empty() && std::ranges::find(models, model) == models.end()) {
            return refusal(call, 400, "model_not_found",
                           "A model with model ID " + model + " does not exist.");
        }
        const std::string format = format_of(call);
        if (elevenlabs_rate(format) == 0) {
            return refusal(call, 400, "invalid_output_format",
                           elevenlabs_has_format(format) ? "The emulator has PCM alone."
                                                         : "There is no format " + format + ".");
        }
        const std::string voice = split_path(call.path)[2];
        if (!elevenlabs_has_voice(voice)) {
            return refusal(call, 404, "voice_not_found",
                           "A voice with the id " + voice + " was not found.");
        }
        return std::nullopt;
    }

    // Seconds; 0: no number, or out of range.
    static unsigned inactivity_of(const Call& call) {
        const std::string text = call.query("inactivity_timeout");
        if (text.empty()) {
            return 20;
        }
        const unsigned long value = std::strtoul(text.c_str(), nullptr, 10);
        return value <= kMaxInactivity ? static_cast<unsigned>(value) : 0;
    }

    static std::string format_of(const Call& call) {
        const std::string format = call.query("output_format");
        return format.empty() ? "mp3_44100_128" : format;
    }

    static std::string endpoint_of(const Call& call) {
        const std::vector<std::string> parts = split_path(call.path);
        const bool post = call.request.method == "POST";
        if (parts.size() < 3 || parts[0] != "v1" || parts[1] != "text-to-speech") {
            return post ? "" : account_part(parts);
        }
        if (!post) {
            return parts.size() == 4 && parts[3] == kStreamInput ? kStreamInput : "";
        }
        return parts.size() == 3                           ? "whole"
               : parts.size() == 4 && parts[3] == "stream" ? "stream"
                                                           : "";
    }

    static std::string account_part(const std::vector<std::string>& parts) {
        const auto path = [&](std::initializer_list<std::string_view> wanted) {
            return std::ranges::equal(parts, wanted);
        };
        if (path({"v1", "voices"}) || path({"v2", "voices"})) {
            return "voices";
        }
        if (parts.size() == 3 && parts[0] == "v1" && parts[1] == "voices") {
            return "voice";
        }
        return path({"v1", "models"})                 ? "models"
               : path({"v1", "user", "subscription"}) ? "subscription"
                                                      : "";
    }

    static bool of_account(const Call& call) {
        const std::string& part = call.record.endpoint;
        return part != "whole" && part != "stream" && part != kStreamInput;
    }

    static json account(const Call& call) {
        const std::string& part = call.record.endpoint;
        return part == "voices"   ? elevenlabs_voices(call.query("search"))
               : part == "voice"  ? *elevenlabs_voice(split_path(call.path)[2])
               : part == "models" ? elevenlabs_models(call.script.models(call.provider))
                                  : elevenlabs_subscription();
    }
};

} // namespace

std::unique_ptr<Provider> make_elevenlabs() {
    return std::make_unique<ElevenLabs>();
}

} // namespace mr::emulator
