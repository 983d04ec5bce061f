// One microphone behind the local recogniser: takes sound, has its frames judged, cuts utterances
// out, has them recognised, and says what happened in the order that recogniser.h promises. An
// utterance that begins while the one before is still being recognised waits for its turn.
//
// Lives on the loop. Threads know it by weak pointers alone.
#pragma once

#include "worker/async.h"
#include "worker/voice/heard_audio.h"
#include "worker/voice/local_recogniser.h"
#include "worker/voice/model_pool.h"
#include "worker/voice/vad_thread.h"

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mr::voice {

inline constexpr size_t kMaxWaitingUtterances = 3;  // not yet recognised; then sound is refused
inline constexpr size_t kMaxWaitingEvents = 64;     // not yet taken; then sound is refused
inline constexpr size_t kMaxWaitingReleases = 8;    // more at the same time are one
inline constexpr int64_t kMinPartialWindowMs = 500; // less is not worth recognising

// What the streams of one recogniser share.
struct ListeningCore {
    ListeningCore(boost::asio::any_io_executor loop_executor,
                  const LocalRecogniserOptions& chosen_options,
                  std::unique_ptr<UtteranceModelFactory> factory,
                  std::unique_ptr<VadFactory> detectors)
        : loop(std::move(loop_executor)), options(chosen_options),
          models(loop, std::move(factory), options.threads), vad(loop, std::move(detectors)) {}

    boost::asio::any_io_executor loop;
    LocalRecogniserOptions options;
    ModelPool models;
    VadThread vad;
    size_t streams = 0; // open
};

class LocalStream : public std::enable_shared_from_this<LocalStream> {
  public:
    LocalStream(std::shared_ptr<ListeningCore> core, TalkMode mode);

    bool audio(PcmView samples);
    void release();
    void close(); // nothing is worked on any more
    static boost::asio::awaitable<RecognitionEvent> next(std::shared_ptr<LocalStream> self);

  private:
    using Clock = std::chrono::steady_clock;
    using Result = void (LocalStream::*)(const ModelPool::JobHandle&, std::optional<Heard>);

    struct Utterance {
        uint64_t start = 0; // real places
        uint64_t end = 0;
        uint64_t window_begin = 0;
        bool started_said = false;
        bool stopped_said = false;
        bool over = false;
        Clock::time_point over_at;
        Pcm window;                    // once it is over or may be
        ModelPool::JobHandle job;      // guess or final
        ModelPool::JobHandle partial;  // being recognised
        std::optional<Heard> guess;    // of the whole utterance, unless speech goes on
        std::string text;              // last said
        uint64_t partial_asked_at = 0; // sound that the last partial ended with
    };
    struct Release {
        uint64_t at = 0; // all sound in front of it is before the release
        Clock::time_point time;
    };

    void judge_more();
    void judged(std::optional<std::vector<double>> probabilities);
    void reach_releases();
    void apply(const Endpoint& point, Clock::time_point time);
    void pause(const Endpoint& point);
    void resume();
    void advance();
    bool advance_first();
    ModelPool::Done hand_to(Result result);
    void recognise(Utterance& utterance, Urgency urgency);
    void recognised(const ModelPool::JobHandle& job, std::optional<Heard> heard);
    void ask_partial();
    void partial_done(const ModelPool::JobHandle& job, std::optional<Heard> heard);
    void say_partial(Utterance& utterance, const Heard& heard);
    void finish_first(const Heard& heard);
    void say(RecognitionEvent event);
    void fail(const char* reason);

    std::shared_ptr<ListeningCore> core_;
    VadThread::LineHandle line_;
    Endpointing endpoints_;
    HeardAudio heard_;       // end() is behind all sound that was taken
    uint64_t judged_to_ = 0; // frames in front of it have been judged
    size_t judging_ = 0;     // samples that are being judged
    std::deque<Release> releases_;
    std::deque<Utterance> utterances_; // the last one may still be spoken
    std::deque<RecognitionEvent> events_;
    std::optional<VoiceError> failure_;
    Signal changed_;
};

} // namespace mr::voice
