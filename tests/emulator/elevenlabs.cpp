// ElevenLabs: speech as a stream, whole speech, what the account has; section 12. Sound is a tone
// whose length follows the text.
#include "tests/emulator/elevenlabs_account.h"
#include "tests/emulator/provider.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>

namespace mr::emulator {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxCharacters = 40'000; // of a request to Flash v2.5
constexpr double kSecondsPerCharacter = 0.06;
constexpr double kMaxSeconds = 120;
constexpr double kHertz = 220;
constexpr double kLoudness = 6'000;

constexpr std::array<std::string_view, 18> kFormats{
    "mp3_22050_32",  "mp3_24000_48",  "mp3_44100_32", "mp3_44100_64", "mp3_44100_96",
    "mp3_44100_128", "mp3_44100_192", "pcm_8000",     "pcm_16000",    "pcm_22050",
    "pcm_24000",     "pcm_32000",     "pcm_44100",    "pcm_48000",    "ulaw_8000",
    "alaw_8000",     "opus_48000_32", "opus_48000_64"};

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

// 16-bit samples, little endian.
std::string tone(std::size_t characters, unsigned rate) {
    const double seconds =
        std::min(static_cast<double>(characters) * kSecondsPerCharacter, kMaxSeconds);
    const auto count = static_cast<std::size_t>(seconds * rate);
    std::string bytes;
    bytes.reserve(count * 2);
    for (std::size_t i = 0; i < count; ++i) {
        const double at = static_cast<double>(i) / rate;
        const int sample =
            static_cast<int>(kLoudness * std::sin(2 * std::numbers::pi * kHertz * at));
        bytes += static_cast<char>(sample & 0xFF);
        bytes += static_cast<char>((sample >> 8) & 0xFF);
    }
    return bytes;
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
        return of_account(call) ? std::nullopt : refuse_speech(call);
    }

    Answer answer(Call& call, const Behaviour& how) override {
        if (of_account(call)) {
            return json_answer(200, how.answer.is_structured() ? how.answer : account(call));
        }
        const std::string format = format_of(call);
        Answer answer;
        answer.content_type = format.starts_with("pcm") ? "audio/pcm" : "audio/mpeg";
        answer.headers = {{"request-id", fresh_id("req_")},
                          {"character-cost", std::to_string(call.body["text"].size())},
                          {"current-concurrent-requests", "1"},
                          {"maximum-concurrent-requests", "20"}};
        const auto rate = static_cast<unsigned>(std::stoul(format.substr(4)));
        answer.body = tone(call.body["text"].get<std::string>().size(), rate);
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
        const auto& models = call.script.models(call.provider);
        const std::string model = call.body.value("model_id", models.front());
        if (std::ranges::find(models, model) == models.end()) {
            return refusal(call, 400, "model_not_found",
                           "A model with model ID " + model + " does not exist.");
        }
        const std::string format = format_of(call);
        if (std::ranges::find(kFormats, format) == kFormats.end()) {
            return refusal(call, 400, "invalid_output_format",
                           "There is no format " + format + ".");
        }
        if (!format.starts_with("pcm_")) {
            return refusal(call, 400, "invalid_output_format", "The emulator has PCM alone.");
        }
        const std::string voice = split_path(call.path)[2];
        if (!elevenlabs_has_voice(voice)) {
            return refusal(call, 404, "voice_not_found",
                           "A voice with the id " + voice + " was not found.");
        }
        return std::nullopt;
    }

    static std::string format_of(const Call& call) {
        const std::string format = call.query("output_format");
        return format.empty() ? "mp3_44100_128" : format;
    }

    static std::string endpoint_of(const Call& call) {
        const std::vector<std::string> parts = split_path(call.path);
        const bool post = call.request.method == "POST";
        if (!post) {
            return account_part(parts);
        }
        if (parts.size() < 3 || parts[0] != "v1" || parts[1] != "text-to-speech") {
            return {};
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
        return call.record.endpoint != "whole" && call.record.endpoint != "stream";
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
