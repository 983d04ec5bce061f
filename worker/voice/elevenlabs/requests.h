// What is said to ElevenLabs, and what its refusals mean. Pure.
#pragma once

#include "worker/providers/rest/api.h"
#include "worker/voice/elevenlabs/elevenlabs.h"

#include <optional>
#include <string>
#include <string_view>

namespace mr::voice::elevenlabs {

// One clause on its way.
struct Utterance {
    std::string voice_id;
    std::string text;
    std::string previous; // what has been said in front of it
    double speed = 1;
    std::string trace;
};

net::HttpRequest speech_request(const ElevenLabsOptions& options, const std::string& key,
                                const Utterance& utterance);

// A status other than 200.
struct SpeechRefusal {
    VoiceFault fault = VoiceFault::unavailable;
    std::string text;   // for the user
    std::string detail; // the provider's words: for the log, by log_words()
    bool passing = false;
    bool crowded = false;  // too many requests of this account at a time: wait for a place
    bool no_right = false; // the key is good, and not for this call
};
// Without the key, and then cut: half a key is one as well.
std::string log_words(std::string words, const std::string& key);
SpeechRefusal refusal_of(const net::HttpHead& head, std::string_view body);

// For the list of voices.
rest::Refusal judge_voices(const net::HttpResponse& response, int tried,
                           std::chrono::milliseconds retry_base, const std::string& key);

// In lower case (ASCII): names of voices are compared without regard to it.
std::string lower_case(std::string_view text);
// 20 letters and digits: the provider's own form.
bool is_voice_id(std::string_view voice);
// The id of a voice of that name in a reply of /v2/voices: by its whole name, else by its first
// word ("Rachel - calm"), without regard to case.
std::optional<std::string> voice_in(const nlohmann::json& reply, std::string_view name);

} // namespace mr::voice::elevenlabs
