#include "worker/voice/elevenlabs/requests.h"

#include "worker/encoding.h"
#include "worker/providers/credential.h"
#include "worker/providers/remote_json.h"
#include "worker/providers/retry.h"

#include <algorithm>
#include <cctype>

namespace mr::voice::elevenlabs {
namespace {

using nlohmann::json;

constexpr std::size_t kVoiceIdSize = 20;
constexpr std::size_t kMaxDetail = 300;
constexpr std::chrono::milliseconds kMaxSpeechTime{
    180'000}; // sound is taken as fast as it is heard

// The forms of errors: {"detail": {"status" or "code", "message"}}, {"detail": "text"},
// {"detail": [{"msg"}]}.
struct Words {
    std::string code;
    std::string message;
};

Words words_of(std::string_view body) {
    const json reply = json::parse(body, nullptr, false);
    const json& detail = member(reply, "detail");
    Words words;
    if (detail.is_string()) {
        words.message = text_of(detail);
    } else if (detail.is_array()) {
        words.code = "invalid_request";
        for (const json& one : items_of(detail)) {
            words.message += (words.message.empty() ? "" : "; ") + text_of(member(one, "msg"));
        }
    } else {
        words.code = text_of(member(detail, "status"));
        if (words.code.empty()) {
            words.code = text_of(member(detail, "code"));
        }
        words.message = text_of(member(detail, "message"));
    }
    return words;
}

struct Meaning {
    VoiceFault fault;
    const char* text;
};

Meaning meaning_of(int status, const std::string& code) {
    if (code == "quota_exceeded" || status == 402) {
        return {VoiceFault::refused, "the allowance of this server's voice service is used up"};
    }
    if (code == "voice_not_found" || status == 404) {
        return {VoiceFault::refused, "the voice service does not have this voice"};
    }
    if (status == 401 || status == 403) {
        return {VoiceFault::refused, "the voice service does not accept this server's key"};
    }
    if (passing_status(status)) {
        return {VoiceFault::unavailable, "the voice service is not available at the moment"};
    }
    return {VoiceFault::bad_input, "the voice service cannot speak this text"};
}

} // namespace

net::HttpRequest speech_request(const ElevenLabsOptions& options, const std::string& key,
                                const Utterance& utterance) {
    const rest::Endpoint& endpoint = options.endpoint;
    net::HttpRequest request(
        "POST", endpoint.base_url + "/v1/text-to-speech/" + percent_encoded(utterance.voice_id) +
                    "/stream?output_format=pcm_" + std::to_string(options.rate) +
                    (options.logging ? "" : "&enable_logging=false"));
    request.headers = {"Content-Type: application/json", "xi-api-key: " + key};
    if (!utterance.trace.empty()) {
        request.headers.push_back("traceparent: " + utterance.trace);
    }
    json body;
    body["text"] = utterance.text;
    body["model_id"] = options.model;
    body["voice_settings"] = {{"stability", options.stability},
                              {"similarity_boost", options.similarity},
                              {"speed", utterance.speed}};
    if (!utterance.previous.empty()) {
        body["previous_text"] = utterance.previous;
    }
    if (!options.language.empty()) {
        body["language_code"] = options.language;
    }
    request.body = rest::body_text(body);
    request.timeouts.connect = endpoint.connect_timeout;
    request.timeouts.first_byte = options.first_byte_timeout;
    request.timeouts.idle = options.idle_timeout;
    request.timeouts.total = kMaxSpeechTime;
    request.ca_file = endpoint.ca_file;
    request.proxy = endpoint.proxy;
    request.connect_to = endpoint.connect_to;
    return request;
}

std::string log_words(std::string words, const std::string& key) {
    words = without_secret(std::move(words), key);
    words.resize(std::min(words.size(), kMaxDetail));
    return words;
}

SpeechRefusal refusal_of(const net::HttpHead& head, std::string_view body) {
    const Words words = words_of(body);
    const Meaning meaning = meaning_of(head.status, words.code);
    SpeechRefusal refusal;
    refusal.fault = meaning.fault;
    refusal.text = meaning.text;
    refusal.detail =
        "status " + std::to_string(head.status) + " " + words.code + ": " + words.message;
    const bool lasting = words.code == "quota_exceeded";
    refusal.passing = passing_status(head.status) && !lasting;
    refusal.no_right = words.code == "missing_permissions";
    refusal.crowded = head.status == 429 && words.code == "too_many_concurrent_requests";
    if (refusal.crowded) {
        refusal.fault = VoiceFault::no_place;
        refusal.text = too_many_spoken().what();
    }
    return refusal;
}

rest::Refusal judge_voices(const net::HttpResponse& response, int tried,
                           std::chrono::milliseconds retry_base, const std::string& key) {
    const SpeechRefusal said = refusal_of(response.head, response.body);
    rest::Refusal refusal;
    refusal.fault = said.fault == VoiceFault::unavailable ? ProviderFault::unavailable
                                                          : ProviderFault::bad_request;
    refusal.text = said.text;
    refusal.detail = log_words(said.detail, key);
    if (said.passing) {
        refusal.wait = retry_after(response.head, std::chrono::system_clock::now())
                           .value_or(retry_base * tried);
    }
    return refusal;
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return out;
}

bool is_voice_id(std::string_view voice) {
    return voice.size() == kVoiceIdSize &&
           std::ranges::all_of(voice, [](unsigned char c) { return std::isalnum(c) != 0; });
}

std::optional<std::string> voice_in(const json& reply, std::string_view name) {
    const std::string wanted = lower_case(name);
    std::optional<std::string> by_first_word;
    for (const json& voice : items_of(member(reply, "voices"))) {
        const std::string id = text_of(member(voice, "voice_id"));
        const std::string full = lower_case(text_of(member(voice, "name")));
        if (id.empty()) {
            continue;
        }
        if (full == wanted) {
            return id;
        }
        if (!by_first_word && full.substr(0, full.find_first_of(" -,")) == wanted) {
            by_first_word = id;
        }
    }
    return by_first_word;
}

} // namespace mr::voice::elevenlabs
