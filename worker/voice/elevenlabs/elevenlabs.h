// Speech by ElevenLabs: one streaming HTTP request per clause, with the clauses in front of it as
// context, so that the voice goes on as one. PCM, so that sound can be stopped at any sample.
//
// https://elevenlabs.io/docs/api-reference/text-to-speech/stream,
// https://elevenlabs.io/docs/api-reference/voices/search
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/rest/api.h"
#include "worker/voice/synthesiser.h"

#include <chrono>
#include <memory>
#include <string>

namespace mr::voice {

struct ElevenLabsOptions {
    ElevenLabsOptions() { endpoint.base_url = "https://api.elevenlabs.io"; }

    rest::Endpoint endpoint; // a regional host, where the account has one
    std::string model = "eleven_flash_v2_5";
    std::string voice = "rachel"; // a name of the account's voices, or an id of 20 characters
    std::string language;         // ISO 639-1; empty: as the text is
    unsigned rate = 16'000;       // 8000, 16000, 22050, 24000, 44100, 48000: what the plan allows
    double stability = 0.5;
    double similarity = 0.75;
    bool logging = true; // false: the provider keeps nothing (enterprise plans)
    std::chrono::milliseconds first_byte_timeout{5'000};
    std::chrono::milliseconds idle_timeout{5'000};
    unsigned max_retries = 2; // before the first sound; none after it
    std::chrono::milliseconds retry_base{500};
    bool socket = false;         // one WebSocket for an answer instead of a request for each clause
    unsigned max_concurrent = 4; // requests at a time, by this worker; the plan's limit, if less
    std::chrono::milliseconds place_wait{15'000}; // for one of these
    unsigned max_streams = 64; // answers being spoken at a time; more are refused
};

inline constexpr std::chrono::milliseconds kMaxRetryTime{15'000}; // of one clause, all tries
inline constexpr std::size_t kMaxPreviousBytes = 400;             // of context with a clause
inline constexpr std::size_t kMaxKnownVoices = 200;               // names that are remembered
inline constexpr std::size_t kMaxVoiceNameBytes = 100;

// With `socket`, neither a proxy nor connect_to is possible, and a connection that is lost is not
// made again. The HTTP client is shared and outlives this. Throws VoiceError{refused} for options
// that the provider would not take.
std::shared_ptr<Synthesiser> make_elevenlabs(std::shared_ptr<net::HttpClient> http, std::string key,
                                             ElevenLabsOptions options);

} // namespace mr::voice
