// Text to speech as the app of a session sees it: clauses of one answer in, sound out, clause by
// clause while the answer is still being written. What a clause is and how it is worded for the
// ear: speech_text.h.
//
// Everything is called on the event loop and never blocks it.
#pragma once

#include "worker/voice/audio.h"
#include "worker/voice/fault.h"

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mr::voice {

// Sound that a stream has ready and nobody has taken: then it makes no more.
inline constexpr int64_t kMaxSpeechAheadMs = 3'000;
inline constexpr size_t kMaxSegmentBytes = 1'000; // of one clause

struct SpeechOptions {
    std::string voice;  // a name or an id of the engine's; empty: its default
    double speed = 1.0; // 0.7 to 1.2
    std::string trace;  // traceparent of the turn
};

// A piece of sound, never empty but for the last one of a segment.
struct SpokenAudio {
    uint32_t segment = 0; // as say() returned it
    Pcm samples;          // at Synthesiser::sample_rate()
    bool last = false;    // the segment is complete with this
};

// One answer being spoken. Destroying it ends all its work in the same loop turn: barge-in.
class SpeechStream {
  public:
    virtual ~SpeechStream() = default;

    // Queues a clause, at most kMaxSegmentBytes of UTF-8. Numbers it: 0, 1, …
    virtual uint32_t say(std::string clause) = 0;
    virtual void end() = 0; // no clause follows

    // The next sound, in the order of the segments; nullopt behind the last one once end() was
    // called. One waiter. Honours Asio cancellation, then nothing is taken. Throws VoiceError:
    // nothing more will be spoken.
    virtual boost::asio::awaitable<std::optional<SpokenAudio>> next() = 0;
};

// One per worker, used by all its sessions.
class Synthesiser {
  public:
    virtual ~Synthesiser() = default;

    virtual std::string_view engine() const = 0; // "elevenlabs", "flite", "tone"
    virtual unsigned sample_rate() const = 0;    // of what its streams yield

    // Throws VoiceError: unavailable without a place left, refused for a voice that is not there.
    virtual boost::asio::awaitable<std::unique_ptr<SpeechStream>> open(SpeechOptions options) = 0;
};

} // namespace mr::voice
