#include "worker/voice/deepgram/verdict.h"

namespace mr::voice::deepgram {
namespace {

constexpr char kAway[] = "Speech recognition cannot be reached at the moment.";
constexpr char kRefused[] = "Speech recognition is not set up correctly.";

Verdict refused(std::string cure) {
    return {false, VoiceFault::refused, kRefused, std::move(cure)};
}

Verdict away(std::string cure) {
    return {true, VoiceFault::unavailable, kAway, std::move(cure)};
}

Verdict judge_status(int status) {
    switch (status) {
    case 400:
        return refused("a parameter is refused: correct deepgram_model, deepgram_language or "
                       "deepgram_vocabulary");
    case 401:
        return refused("the key is not known: put a valid one in deepgram_api_key, its file or "
                       "DEEPGRAM_API_KEY");
    case 402:
        return {false, VoiceFault::refused, "Speech recognition has no credit left.",
                "the project's credit is used up: add to its balance in Deepgram's console"};
    case 403:
        return refused("the key may not use this model: give it the right, or correct "
                       "deepgram_model");
    case 404:
        return refused("there is no such address: correct deepgram_base_url");
    case 429:
        return {true, VoiceFault::no_place,
                "Too many people are speaking at the moment. Try again in a minute.",
                "the project has too many streams at once: lower deepgram_max_streams, or have "
                "the limit raised"};
    default:
        break;
    }
    return status >= 500 || status == 408
               ? away("Deepgram has trouble of its own: it is tried again")
               : refused("the server is not Deepgram's: correct deepgram_base_url");
}

} // namespace

Verdict judge(const net::WsError& error) {
    switch (error.fault()) {
    case net::WsFault::refused:
        return judge_status(error.status());
    case net::WsFault::bad_request:
        return refused("correct deepgram_base_url");
    case net::WsFault::tls:
        return refused("its certificate is not trusted: correct deepgram_base_url, or name its "
                       "authority in deepgram_ca_file");
    case net::WsFault::connect:
    case net::WsFault::timeout:
    case net::WsFault::protocol:
    case net::WsFault::too_large:
    case net::WsFault::lost:
    case net::WsFault::closed:
        break;
    }
    return away("see that this machine reaches the host of deepgram_base_url");
}

Verdict judge_close(std::uint16_t code) {
    switch (code) {
    case 1002: // as older ones say it
    case 1003:
    case 1007:
    case 1008:
        return {false, VoiceFault::lost, "Speech recognition does not take this sound.",
                "Deepgram could not decode the audio: correct deepgram_model or deepgram_base_url"};
    default:
        return away("Deepgram has ended the stream: another one is begun");
    }
}

std::string reason_code(const std::string& reason) {
    constexpr size_t kCodeBytes = 9; // "DATA-0000"
    size_t size = 0;
    while (size < reason.size() && size <= kCodeBytes &&
           ((reason[size] >= 'A' && reason[size] <= 'Z') || reason[size] == '-' ||
            (reason[size] >= '0' && reason[size] <= '9'))) {
        ++size;
    }
    return size > 0 && size <= kCodeBytes ? reason.substr(0, size) : std::string();
}

} // namespace mr::voice::deepgram
