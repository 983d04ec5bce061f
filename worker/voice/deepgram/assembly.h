// Makes utterances of Deepgram's messages: final pieces are appended until speech_final, or
// UtteranceEnd where noise keeps that from coming, or, should both be lost with a connection, until
// nothing was said for longer than either takes; interim ones replace each other. With
// push-to-talk, and once the key is released, the answer to Finalize is the end. Each utterance
// ends once. Pure: no I/O, no clock of its own.
#pragma once

#include "worker/voice/deepgram/audio_window.h"
#include "worker/voice/deepgram/messages.h"
#include "worker/voice/recogniser.h"

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mr::voice::deepgram {

inline constexpr size_t kMaxUtteranceBytes = 16'000; // what is said behind is left out

class Assembly {
  public:
    using Time = std::chrono::steady_clock::time_point;

    // `silence` samples without a word end an utterance whatever Deepgram says.
    Assembly(TalkMode mode, uint64_t silence) : mode_(mode), silence_(silence) {}

    void take(const Message& message, const ConnectionClock& clock, Time now);
    // The key was released: the audio before this place is an utterance. Ends with the answer to
    // a Finalize, or by settle() when none has come in time.
    void release(uint64_t at, Time now);
    void settle(Time now);
    // What was not final will be said again by another connection.
    void disconnected();

    // True once each time an utterance is over and Deepgram still has something of it to finish.
    bool take_finalize_wish() { return std::exchange(finalize_wish_, false); }
    bool in_utterance() const { return started_; }
    size_t releases() const { return releases_.size(); } // not yet ended

    size_t waiting() const { return events_.size(); }
    std::optional<RecognitionEvent> next();

  private:
    struct Release {
        uint64_t at;
        Time when;
    };

    void take_results(const Results& results, const ConnectionClock& clock, Time now);
    void take_text(const Results& results, std::string_view text, uint64_t first, uint64_t last);
    void take_end(const UtteranceEnded& ended, const ConnectionClock& clock, Time now);
    void take_vad(uint64_t at);
    bool is_over(const Results& results, bool silent, uint64_t heard_to) const;
    void begin(uint64_t at);
    void say_interim();
    void complete(uint64_t heard_to, Time now);
    std::string whole_text() const;
    uint64_t last_word() const;

    TalkMode mode_;
    uint64_t silence_;
    std::deque<RecognitionEvent> events_;
    std::deque<Release> releases_;
    bool started_ = false, stopped_ = false; // said so
    bool ending_ = false;                    // with its next final piece
    bool finalize_wish_ = false;
    std::string finals_, interim_;
    uint64_t began_ = 0; // SpeechStarted
    std::optional<uint64_t> first_word_;
    uint64_t finals_end_ = 0, interim_end_ = 0;
    double confidence_ = 0, weight_ = 0; // of the final pieces, by their bytes
    uint64_t done_to_ = 0;               // words before it are in utterances that are over
    std::optional<uint64_t> next_began_; // speech behind a release that is not yet answered
};

} // namespace mr::voice::deepgram
