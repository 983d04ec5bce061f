#include "worker/voice/deepgram/assembly.h"

#include <algorithm>
#include <utility>

namespace mr::voice::deepgram {

std::optional<RecognitionEvent> Assembly::next() {
    if (events_.empty()) {
        return std::nullopt;
    }
    std::optional<RecognitionEvent> event(std::move(events_.front()));
    events_.pop_front();
    return event;
}

void Assembly::take(const Message& message, const ConnectionClock& clock, Time now) {
    if (const auto* results = std::get_if<Results>(&message.what)) {
        take_results(*results, clock, now);
    } else if (const auto* vad = std::get_if<VadStarted>(&message.what)) {
        take_vad(clock.place(vad->at));
    } else if (const auto* ended = std::get_if<UtteranceEnded>(&message.what)) {
        take_end(*ended, clock, now);
    }
}

// ---- words

void Assembly::take_results(const Results& results, const ConnectionClock& clock, Time now) {
    const uint64_t from = clock.place(results.start);
    const uint64_t to = clock.place(results.start + results.duration);
    const uint64_t first = results.first_word ? clock.place(*results.first_word) : from;
    const uint64_t last = results.last_word ? clock.place(*results.last_word) : to;
    // Words that an utterance has had already come again when it ended before they were final.
    const std::string_view text = last > done_to_ ? std::string_view(results.transcript) : "";
    if (!text.empty()) {
        begin(first);
    }
    take_text(results, text, first, last);
    if (is_over(results, text.empty(), to)) {
        complete(to, now);
    } else if (!text.empty()) {
        say_interim();
    }
}

void Assembly::take_text(const Results& results, std::string_view text, uint64_t first,
                         uint64_t last) {
    interim_.clear();
    interim_end_ = 0;
    if (text.empty()) {
        return;
    }
    first_word_ = first_word_.value_or(first);
    if (!results.is_final) {
        interim_ = text;
        interim_end_ = last;
        return;
    }
    finals_end_ = std::max(finals_end_, last);
    if (finals_.size() + text.size() > kMaxUtteranceBytes) {
        return;
    }
    finals_ += finals_.empty() ? "" : " ";
    finals_ += text;
    const auto weight = static_cast<double>(text.size());
    if (results.confidence) {
        confidence_ += *results.confidence * weight;
        weight_ += weight;
    }
}

// `silent`: these results have no words of the utterance.
bool Assembly::is_over(const Results& results, bool silent, uint64_t heard_to) const {
    if (!releases_.empty()) {
        const bool all_heard = results.is_final && heard_to >= releases_.front().at;
        return results.from_finalize || all_heard;
    }
    if (!started_ || mode_ == TalkMode::push_to_talk) {
        return false;
    }
    if (results.is_final && (results.speech_final || ending_)) {
        return true;
    }
    return silent && heard_to > std::max(last_word(), began_) + silence_;
}

void Assembly::take_end(const UtteranceEnded& ended, const ConnectionClock& clock, Time now) {
    if (!releases_.empty() || mode_ == TalkMode::push_to_talk || !first_word_) {
        return; // also the one behind a speech_final, which has ended everything
    }
    if (ended.last_word && clock.place(*ended.last_word) <= *first_word_) {
        return; // of the utterance before
    }
    if (interim_.empty()) {
        complete(last_word(), now);
    } else if (!ending_) {
        ending_ = true;
        finalize_wish_ = true;
    }
}

// ---- the course of an utterance

void Assembly::take_vad(uint64_t at) {
    if (!releases_.empty() && at >= releases_.front().at) {
        next_began_ = next_began_.value_or(at);
    } else if (at >= done_to_) {
        begin(at);
    }
}

void Assembly::begin(uint64_t at) {
    if (started_) {
        return;
    }
    started_ = true;
    began_ = at;
    events_.emplace_back(SpeechStarted{at});
    if (!releases_.empty()) {
        stopped_ = true;
        events_.emplace_back(SpeechStopped{releases_.front().at});
    }
}

void Assembly::say_interim() {
    if (stopped_) {
        return; // the final one is near
    }
    Transcript transcript;
    transcript.text = whole_text();
    transcript.start = first_word_.value_or(began_);
    transcript.end = last_word();
    if (!events_.empty()) {
        auto* before = std::get_if<Transcript>(&events_.back());
        if (before != nullptr && !before->final) {
            *before = std::move(transcript);
            return;
        }
    }
    events_.emplace_back(std::move(transcript));
}

void Assembly::release(uint64_t at, Time now) {
    releases_.push_back({at, now});
    if (started_ && !stopped_ && releases_.size() == 1) {
        stopped_ = true;
        events_.emplace_back(SpeechStopped{at});
    }
}

void Assembly::settle(Time now) {
    if (!releases_.empty()) {
        complete(releases_.front().at, now);
    }
}

void Assembly::disconnected() {
    interim_.clear();
    interim_end_ = 0;
    ending_ = false;
    finalize_wish_ = false;
    if (finals_.empty()) {
        first_word_.reset();
    }
}

void Assembly::complete(uint64_t heard_to, Time now) {
    Transcript transcript;
    transcript.text = whole_text();
    transcript.final = true;
    transcript.start = first_word_.value_or(began_);
    transcript.end = transcript.text.empty() ? heard_to : last_word();
    if (weight_ > 0) {
        transcript.confidence = confidence_ / weight_;
    }
    if (!releases_.empty()) {
        transcript.after_speech_ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(now - releases_.front().when)
                .count();
        releases_.pop_front();
    }
    if (started_ && !stopped_) {
        events_.emplace_back(SpeechStopped{transcript.end});
    }
    if (transcript.text.empty()) {
        events_.emplace_back(SpeechDropped{heard_to});
    } else {
        done_to_ = std::max(done_to_, transcript.end);
        events_.emplace_back(std::move(transcript));
    }
    started_ = stopped_ = ending_ = finalize_wish_ = false;
    finals_.clear();
    interim_.clear();
    first_word_.reset();
    finals_end_ = interim_end_ = 0;
    confidence_ = weight_ = 0;
    if (const auto at = std::exchange(next_began_, std::nullopt)) {
        begin(*at);
    }
}

std::string Assembly::whole_text() const {
    return finals_.empty() || interim_.empty() ? finals_ + interim_ : finals_ + " " + interim_;
}

uint64_t Assembly::last_word() const {
    return std::max(finals_end_, interim_end_);
}

} // namespace mr::voice::deepgram
