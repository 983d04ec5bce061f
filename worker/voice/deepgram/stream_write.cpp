// A stream's writer: audio in pieces and no faster than Deepgram takes it, KeepAlive, Finalize, and
// what is due because nothing was said to them.
#include "worker/voice/deepgram/stream.h"

#include <algorithm>
#include <utility>

namespace mr::voice::deepgram {

namespace asio = boost::asio;

asio::awaitable<void> Stream::write() {
    for (;;) {
        if (stopping_) {
            throw Stopped();
        }
        const Clock::time_point now = Clock::now();
        check_answers(now);
        settle_late(now);
        Step step = next_step(now);
        if (step.payload.empty()) {
            const bool told = co_await to_write_.wait_for(step.until - now);
            (void)told;
            continue;
        }
        co_await connection_->send(step.opcode, std::move(step.payload));
        sent_at_ = Clock::now();
    }
}

Stream::Step Stream::next_step(Clock::time_point now) {
    const Options& options = shared_->options;
    Step step;
    step.until = sent_at_ + options.keep_alive;
    if (std::optional<std::string> text = due_text(now)) {
        step.payload = std::move(*text);
        return step;
    }
    if (take_audio(now, step)) {
        return step;
    }
    if (!releases_.empty() && releases_.front().finalized) {
        step.until = std::min(step.until, *releases_.front().finalized + options.finalize_wait);
    }
    if (unanswered()) {
        step.until = std::min(step.until, *unanswered_since_ + options.result_timeout);
    }
    return step;
}

std::optional<std::string> Stream::due_text(Clock::time_point now) {
    constexpr char kFinalize[] = R"({"type":"Finalize"})";
    for (Release& release : releases_) {
        if (!release.finalized && window_.unsent_before(release.at) == 0) {
            release.finalized = now;
            return kFinalize;
        }
    }
    if (assembly_.take_finalize_wish()) {
        return kFinalize;
    }
    if (now - sent_at_ >= shared_->options.keep_alive) {
        return R"({"type":"KeepAlive"})";
    }
    return std::nullopt;
}

// Audio that may be sent now; else when, if there is any.
bool Stream::take_audio(Clock::time_point now, Step& step) {
    uint64_t not_beyond = window_.end();
    bool last = false;
    for (const Release& release : releases_) {
        if (!release.finalized) {
            not_beyond = release.at;
            last = true;
            break;
        }
    }
    const size_t ready = window_.unsent_before(not_beyond);
    if (ready == 0 || (!last && ready < to_samples(kMinFrameMs))) {
        return false;
    }
    const double speed = shared_->options.catch_up;
    const std::chrono::duration<double, std::milli> passed = now - credit_at_;
    credit_at_ = now;
    credit_ms_ = std::min(credit_ms_ + passed.count() * speed, static_cast<double>(kBurstMs));
    const size_t wanted = std::min<size_t>(ready, to_samples(kMaxFrameMs));
    const double missing = static_cast<double>(to_ms(wanted)) - credit_ms_;
    if (missing > 0) {
        const std::chrono::duration<double, std::milli> wait(missing / speed + 1);
        step.until = std::min(step.until, now + std::chrono::duration_cast<Clock::duration>(wait));
        return false;
    }
    const AudioWindow::Piece piece = window_.take(wanted, not_beyond);
    credit_ms_ -= static_cast<double>(to_ms(piece.samples.size()));
    clock_.sent(piece.at, piece.samples.size());
    unanswered_since_ = unanswered_since_.value_or(now);
    unanswered_ += piece.samples.size();
    step.opcode = Opcode::binary;
    step.payload.reserve(piece.samples.size() * 2);
    for (const Sample sample : piece.samples) {
        const auto bits = static_cast<uint16_t>(sample);
        step.payload.push_back(static_cast<char>(bits & 0xFF));
        step.payload.push_back(static_cast<char>(bits >> 8));
    }
    return true;
}

void Stream::settle_late(Clock::time_point now) {
    while (!releases_.empty() && releases_.front().finalized &&
           now >= *releases_.front().finalized + shared_->options.finalize_wait) {
        assembly_.settle(now);
        drop_answered_releases();
        happened_.notify();
    }
}

// A microphone that is muted says too little to be answered.
bool Stream::unanswered() const {
    return unanswered_since_ &&
           unanswered_ >= to_samples(shared_->options.result_timeout.count() / 2);
}

void Stream::check_answers(Clock::time_point now) const {
    if (unanswered() && now >= *unanswered_since_ + shared_->options.result_timeout) {
        throw net::WsError(net::WsFault::timeout,
                           "Deepgram has said nothing to audio for " +
                               std::to_string(shared_->options.result_timeout.count()) + " ms");
    }
}

} // namespace mr::voice::deepgram
