// What the streams of all synthesisers have in common: clauses that wait to be made into sound, and
// sound that waits to be taken. Knows no engine; event loop only. Shared by the stream and by
// whatever makes the sound, so that either may go first.
#pragma once

#include "worker/async.h"
#include "worker/voice/synthesiser.h"

#include <boost/asio/any_io_executor.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace mr::voice {

inline constexpr size_t kMaxClausesWaiting = 1'000; // said and not begun, of one answer
inline constexpr double kMinSpeed = 0.7;            // SpeechOptions::speed is kept within these
inline constexpr double kMaxSpeed = 1.2;

struct SaidClause {
    uint32_t segment = 0;
    std::string text;
};

class SpeechQueue {
  public:
    SpeechQueue(const boost::asio::any_io_executor& executor, unsigned rate)
        : signal_(executor), rate_(rate) {}

    // Called whenever there may be something to make: a clause was said, sound was taken. From
    // inside say() and next(); empty once closed.
    std::function<void()> on_work;

    // ---- the stream's side. say() throws VoiceError{bad_input}.
    uint32_t say(std::string clause);
    void end();
    static boost::asio::awaitable<std::optional<SpokenAudio>>
    next(std::shared_ptr<SpeechQueue> queue);
    void close(); // the stream has gone: nobody takes anything any more

    // ---- the maker's side
    bool room() const; // for more sound
    // The next clause; whoever takes it puts a last piece for it, or fails.
    std::optional<SaidClause> take();
    bool waiting() const { return !clauses_.empty(); }
    bool over() const { return ended_ && clauses_.empty(); } // nothing is left to be taken
    void put(uint32_t segment, Pcm samples, bool last);
    void fail(const VoiceError& error); // behind what has been put
    bool closed() const { return closed_; }

  private:
    void work() const;

    Signal signal_;
    unsigned rate_;
    std::deque<SaidClause> clauses_;
    std::deque<SpokenAudio> sound_;
    uint64_t ahead_ = 0; // samples in sound_
    uint32_t said_ = 0;
    size_t making_ = 0; // taken and without a last piece
    bool ended_ = false;
    bool closed_ = false;
    std::optional<VoiceError> failure_;
};

// A stream that is nothing but its queue.
class QueuedSpeech : public SpeechStream {
  public:
    explicit QueuedSpeech(std::shared_ptr<SpeechQueue> queue) : queue_(std::move(queue)) {}
    ~QueuedSpeech() override { queue_->close(); }
    QueuedSpeech(const QueuedSpeech&) = delete;
    QueuedSpeech& operator=(const QueuedSpeech&) = delete;

    uint32_t say(std::string clause) override { return queue_->say(std::move(clause)); }
    void end() override { queue_->end(); }
    boost::asio::awaitable<std::optional<SpokenAudio>> next() override {
        return SpeechQueue::next(queue_);
    }

  protected:
    std::shared_ptr<SpeechQueue> queue_;
};

} // namespace mr::voice
