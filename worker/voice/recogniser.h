// Speech to text as the app of a session sees it: one stream of a microphone in, events out. Who
// finds the end of speech, the engine itself (a provider) or ours (endpointing.h), is not seen
// here.
//
// Everything is called on the event loop and never blocks it; heavy work is done elsewhere.
#pragma once

#include "worker/voice/audio.h"
#include "worker/voice/fault.h"

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace mr::voice {

// Audio that a stream holds and has not worked through; above it audio is refused.
inline constexpr int64_t kMaxRecogniserBacklogMs = 5'000;

enum class TalkMode : uint8_t {
    hands_free,   // the end of speech is found in the audio
    push_to_talk, // the end of speech is release()
};

struct RecognitionOptions {
    TalkMode mode = TalkMode::hands_free;
    std::string language = "en";
};

// Somebody has begun to speak: at this place, in samples of the stream.
struct SpeechStarted {
    uint64_t at = 0;
};

// The end of speech has been found. Its final transcript follows; so does SpeechDropped if there
// was none to be had.
struct SpeechStopped {
    uint64_t at = 0; // behind the last word, as near as it is known
};

// What began as speech was none (a cough, a door): forget it.
struct SpeechDropped {
    uint64_t at = 0;
};

struct Transcript {
    std::string text;   // of the whole utterance so far; replaces the one before
    bool final = false; // nothing of this utterance follows
    uint64_t start = 0; // in samples of the stream
    uint64_t end = 0;
    std::optional<double> confidence; // 0 to 1
    // From SpeechStopped, or the release, to this: what recognition cost its user.
    int64_t after_speech_ms = 0; // final only
};

using RecognitionEvent = std::variant<SpeechStarted, SpeechStopped, SpeechDropped, Transcript>;

// One microphone. Events of an utterance come in the order SpeechStarted, Transcript (not final)
// any number of times, SpeechStopped, Transcript (final) or SpeechDropped instead of the last;
// utterances follow one another. Destroying it ends all its work.
class RecognitionStream {
  public:
    virtual ~RecognitionStream() = default;

    // The next samples. False: more than kMaxRecogniserBacklogMs waits; these are not taken, and
    // are a gap: places go on behind them.
    virtual bool audio(PcmView samples) = 0;

    // The key was released: what has been heard is an utterance, and final as soon as may be.
    // Without speech before it, one SpeechDropped is the answer.
    virtual void release() = 0;

    // The next event. One waiter. Honours Asio cancellation, then nothing is taken. Throws
    // VoiceError when the stream has ended: nothing can be heard any more.
    virtual boost::asio::awaitable<RecognitionEvent> next() = 0;
};

// One per worker, used by all its sessions.
class Recogniser {
  public:
    virtual ~Recogniser() = default;

    virtual std::string_view engine() const = 0; // "deepgram", "moonshine", "pocketsphinx", "stub"

    // Throws VoiceError{unavailable} with the reason when no further stream has a place: whoever
    // is heard already must not suffer.
    virtual boost::asio::awaitable<std::unique_ptr<RecognitionStream>>
    open(RecognitionOptions options) = 0;
};

} // namespace mr::voice
