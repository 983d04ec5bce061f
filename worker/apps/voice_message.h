// What a client says about sound (docs/protocol.md, Voice), read and checked. Pure: JSON in, a
// message or an error code out. Remote input: nothing here is trusted or asserted on.
#pragma once

#include "shared/error_code.h"
#include "worker/voice/audio.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace mr {

inline constexpr unsigned kMinVoiceRate = 8'000; // of a microphone, samples a second
inline constexpr unsigned kMaxVoiceRate = 48'000;
// Of one frame of sound. Shorter than 10 ms is the rest of a gap that is sent again.
inline constexpr int64_t kMaxVoiceFrameMs = 200;
inline constexpr double kMinSpeechSpeed = 0.7;
inline constexpr double kMaxSpeechSpeed = 1.2;
inline constexpr size_t kMaxVoiceNameChars = 128; // of a voice, of a language

struct VoiceMessage {
    enum class Kind : unsigned char { start, audio, stop, resume, interrupt, playback };
    enum class Playback : unsigned char { started, ended, paused, resumed };

    Kind kind = Kind::audio;
    std::string stream_id; // empty: none is named
    // start, resume
    unsigned sample_rate = voice::kVoiceRate;
    bool binary = false;
    bool push_to_talk = false;
    bool tts = false;
    std::string voice; // empty: the synthesiser's default
    double speed = 1.0;
    std::string language; // empty: the worker's
    int64_t from_ms = 0;  // resume
    std::string audio;    // audio: bytes, decoded
    // interrupt, playback
    std::string turn_id;
    std::optional<uint32_t> segment;
    std::optional<int64_t> played_ms;
    Playback playback = Playback::started;
};

// The kind that a message's `type` stands for, if it is one about sound.
std::optional<VoiceMessage::Kind> voice_kind(std::string_view type);

// Null: `message` holds what `object` says. Else what is wrong with it; the stream is read even
// then, if it can be.
std::optional<ErrorCode> read_voice_message(const nlohmann::json& object, VoiceMessage& message);

} // namespace mr
