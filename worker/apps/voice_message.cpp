#include "worker/apps/voice_message.h"

#include "worker/apps/client_message.h"
#include "worker/encoding.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace mr {
namespace {

using nlohmann::json;
using Kind = VoiceMessage::Kind;

constexpr int64_t kMaxPlaceMs = 7 * 24 * 3'600 * 1'000LL; // of a stream: a week
constexpr int64_t kMaxSegment = 1'000'000;

// Null: absent.
const json* member(const json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

// False: there, and no text or too long.
bool read_text(const json& object, const char* key, size_t max_bytes, std::string& out) {
    const json* found = member(object, key);
    if (found == nullptr) {
        return true;
    }
    if (!found->is_string() || found->get_ref<const std::string&>().size() > max_bytes) {
        return false;
    }
    out = found->get<std::string>();
    return true;
}

// False: there, and no whole number within 0 and `most`.
bool read_count(const json& object, const char* key, int64_t most, std::optional<int64_t>& out) {
    const json* found = member(object, key);
    if (found == nullptr) {
        return true;
    }
    if (!found->is_number()) {
        return false;
    }
    const double value = found->get<double>();
    if (!(value >= 0 && value <= static_cast<double>(most))) {
        return false;
    }
    out = static_cast<int64_t>(value);
    return true;
}

// One of two words, the first where there is none. False: another.
bool read_choice(const json& object, const char* key, std::string_view first,
                 std::string_view second, bool& is_second) {
    const json* found = member(object, key);
    if (found == nullptr) {
        return true;
    }
    if (!found->is_string()) {
        return false;
    }
    is_second = *found == second;
    return is_second || *found == first;
}

std::optional<ErrorCode> read_start(const json& object, VoiceMessage& message) {
    std::optional<int64_t> rate;
    std::string encoding = "pcm_s16le";
    const bool taken = read_count(object, "sample_rate", kMaxVoiceRate, rate) &&
                       (!rate || *rate >= kMinVoiceRate) &&
                       read_text(object, "encoding", kMaxVoiceNameChars, encoding) &&
                       encoding == "pcm_s16le" &&
                       read_choice(object, "transport", "base64", "binary", message.binary) &&
                       read_choice(object, "mode", "auto", "ptt", message.push_to_talk);
    if (!taken) {
        return ErrorCode::bad_format;
    }
    message.sample_rate = static_cast<unsigned>(rate.value_or(voice::kVoiceRate));
    std::optional<int64_t> from_ms;
    const json* tts = member(object, "tts");
    const json* speed = member(object, "speed");
    const bool good = !message.stream_id.empty() && (tts == nullptr || tts->is_boolean()) &&
                      (speed == nullptr || speed->is_number()) &&
                      read_text(object, "voice", kMaxVoiceNameChars, message.voice) &&
                      read_text(object, "language", kMaxVoiceNameChars, message.language) &&
                      read_count(object, "from_ms", kMaxPlaceMs, from_ms) &&
                      (message.kind != Kind::resume || from_ms);
    if (!good) {
        return ErrorCode::bad_request;
    }
    message.tts = tts != nullptr && tts->get<bool>();
    message.speed = speed != nullptr ? speed->get<double>() : 1.0;
    if (!(message.speed >= kMinSpeechSpeed && message.speed <= kMaxSpeechSpeed)) {
        return ErrorCode::bad_request;
    }
    message.from_ms = message.kind == Kind::resume ? *from_ms : 0;
    return std::nullopt;
}

std::optional<ErrorCode> read_audio(const json& object, VoiceMessage& message) {
    for (const char* key : {"audio", "data", "chunk"}) { // as the original's clients call it
        const json* found = member(object, key);
        if (found == nullptr) {
            continue;
        }
        if (!found->is_string()) {
            return ErrorCode::bad_request;
        }
        auto bytes = base64_decoded(found->get_ref<const std::string&>());
        if (!bytes) {
            return ErrorCode::bad_format;
        }
        message.audio = std::move(*bytes);
        return std::nullopt;
    }
    return ErrorCode::bad_request;
}

std::optional<ErrorCode> read_heard(const json& object, VoiceMessage& message) {
    std::optional<int64_t> segment;
    const char* place = message.kind == Kind::interrupt ? "played_ms" : "at_ms";
    if (!read_text(object, "turn_id", kMaxIdChars, message.turn_id) ||
        !read_count(object, "segment", kMaxSegment, segment) ||
        !read_count(object, place, kMaxPlaceMs, message.played_ms)) {
        return ErrorCode::bad_request;
    }
    if (segment) {
        message.segment = static_cast<uint32_t>(*segment);
    }
    if (message.kind == Kind::interrupt) {
        return std::nullopt;
    }
    const std::pair<std::string_view, VoiceMessage::Playback> states[] = {
        {"started", VoiceMessage::Playback::started},
        {"ended", VoiceMessage::Playback::ended},
        {"paused", VoiceMessage::Playback::paused},
        {"resumed", VoiceMessage::Playback::resumed}};
    std::string name;
    if (!read_text(object, "state", kMaxIdChars, name) || !segment || message.turn_id.empty()) {
        return ErrorCode::bad_request;
    }
    for (const auto& state : states) {
        if (state.first == name) {
            message.playback = state.second;
            return std::nullopt;
        }
    }
    return ErrorCode::bad_request;
}

} // namespace

std::optional<Kind> voice_kind(std::string_view type) {
    const std::pair<std::string_view, Kind> kinds[] = {
        {"voice_start", Kind::start},   {"audio", Kind::audio},
        {"voice_stop", Kind::stop},     {"voice_resume", Kind::resume},
        {"interrupt", Kind::interrupt}, {"playback", Kind::playback},
    };
    for (const auto& entry : kinds) {
        if (entry.first == type) {
            return entry.second;
        }
    }
    return std::nullopt;
}

std::optional<ErrorCode> read_voice_message(const json& object, VoiceMessage& message) {
    if (!read_text(object, "stream_id", kMaxIdChars, message.stream_id)) {
        return ErrorCode::bad_request;
    }
    switch (message.kind) {
    case Kind::start:
    case Kind::resume:
        return read_start(object, message);
    case Kind::audio:
        return read_audio(object, message);
    case Kind::interrupt:
    case Kind::playback:
        return read_heard(object, message);
    case Kind::stop:
        break;
    }
    return std::nullopt;
}

} // namespace mr
