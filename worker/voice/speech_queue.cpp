#include "worker/voice/speech_queue.h"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

namespace mr::voice {

namespace asio = boost::asio;

uint32_t SpeechQueue::say(std::string clause) {
    if (clause.size() > kMaxSegmentBytes) {
        throw VoiceError(VoiceFault::bad_input, "a sentence is too long to be spoken");
    }
    if (clauses_.size() >= kMaxClausesWaiting || ended_) {
        throw VoiceError(VoiceFault::bad_input, "there is too much to be spoken");
    }
    SaidClause said;
    said.segment = said_++;
    said.text = std::move(clause);
    const uint32_t segment = said.segment;
    clauses_.push_back(std::move(said));
    work();
    return segment;
}

void SpeechQueue::end() {
    ended_ = true;
    work();
    signal_.notify();
}

asio::awaitable<std::optional<SpokenAudio>> SpeechQueue::next(std::shared_ptr<SpeechQueue> queue) {
    for (;;) {
        if (queue->closed_) {
            throw boost::system::system_error(asio::error::operation_aborted);
        }
        if (!queue->sound_.empty()) {
            SpokenAudio piece = std::move(queue->sound_.front());
            queue->sound_.pop_front();
            queue->ahead_ -= piece.samples.size();
            queue->work();
            co_return piece;
        }
        if (queue->failure_) {
            throw VoiceError(*queue->failure_);
        }
        if (queue->ended_ && queue->clauses_.empty() && queue->making_ == 0) {
            co_return std::nullopt;
        }
        co_await queue->signal_.wait();
    }
}

void SpeechQueue::close() {
    closed_ = true;
    on_work = nullptr;
    clauses_.clear();
    sound_.clear();
    ahead_ = 0;
    signal_.notify();
}

bool SpeechQueue::room() const {
    return !closed_ && !failure_ && to_ms(ahead_, rate_) < kMaxSpeechAheadMs;
}

std::optional<SaidClause> SpeechQueue::take() {
    if (clauses_.empty()) {
        return std::nullopt;
    }
    SaidClause clause = std::move(clauses_.front());
    clauses_.pop_front();
    ++making_;
    return clause;
}

void SpeechQueue::put(uint32_t segment, Pcm samples, bool last) {
    making_ -= last ? 1 : 0;
    if (closed_ || (samples.empty() && !last)) {
        return;
    }
    ahead_ += samples.size();
    SpokenAudio piece;
    piece.segment = segment;
    piece.samples = std::move(samples);
    piece.last = last;
    sound_.push_back(std::move(piece));
    signal_.notify();
}

void SpeechQueue::fail(const VoiceError& error) {
    if (!failure_) {
        failure_ = error;
        clauses_.clear();
        signal_.notify();
    }
}

void SpeechQueue::work() const {
    if (on_work) {
        const auto call = on_work; // it may close the queue
        call();
    }
}

} // namespace mr::voice
