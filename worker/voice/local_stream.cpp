#include "worker/voice/local_stream.h"

#include <algorithm>
#include <array>
#include <utility>

namespace mr::voice {

namespace asio = boost::asio;

namespace {

EndpointingOptions with_mode(EndpointingOptions options, TalkMode mode) {
    options.mode = mode;
    return options;
}

} // namespace

LocalStream::LocalStream(std::shared_ptr<ListeningCore> core, TalkMode mode)
    : core_(std::move(core)), line_(core_->vad.open()),
      endpoints_(with_mode(core_->options.endpointing, mode)), changed_(core_->loop) {}

bool LocalStream::audio(PcmView samples) {
    const size_t room = to_samples(kMaxRecogniserBacklogMs);
    const size_t waiting = heard_.end() - judged_to_;
    const bool behind = samples.size() > room - std::min(room, waiting) ||
                        utterances_.size() > kMaxWaitingUtterances ||
                        events_.size() >= kMaxWaitingEvents;
    if (behind || failure_) {
        heard_.shift(static_cast<int64_t>(samples.size()));
        return false;
    }
    heard_.append(samples);
    judge_more();
    return true;
}

void LocalStream::release() {
    if (failure_ || releases_.size() >= kMaxWaitingReleases) {
        return;
    }
    // The last frame is filled up with silence, which is no sound of the stream.
    const size_t odd = (heard_.end() - judged_to_) % kVadFrame;
    if (odd != 0) {
        const std::array<Sample, kVadFrame> silence{};
        const size_t missing = kVadFrame - odd;
        heard_.append(PcmView(silence).first(missing));
        heard_.shift(-static_cast<int64_t>(missing));
    }
    Release behind;
    behind.at = heard_.end();
    behind.time = Clock::now();
    releases_.push_back(behind);
    reach_releases();
    advance();
    judge_more();
}

void LocalStream::close() {
    fail("the stream was closed");
    line_.reset();
    for (Utterance& utterance : utterances_) {
        for (const ModelPool::JobHandle& job : {utterance.job, utterance.partial}) {
            if (job) {
                core_->models.give_up(job);
            }
        }
    }
    utterances_.clear();
}

asio::awaitable<RecognitionEvent> LocalStream::next(std::shared_ptr<LocalStream> self) {
    while (self->events_.empty()) {
        if (self->failure_) {
            throw VoiceError(*self->failure_);
        }
        co_await self->changed_.wait();
    }
    RecognitionEvent event = std::move(self->events_.front());
    self->events_.pop_front();
    co_return event;
}

// One piece at a time: whatever has come meanwhile is the next one.
void LocalStream::judge_more() {
    if (judging_ != 0 || failure_) {
        return;
    }
    const uint64_t end = releases_.empty() ? heard_.end() : releases_.front().at;
    const uint64_t frames = (end - judged_to_) / kVadFrame;
    if (frames == 0) {
        return;
    }
    judging_ = frames * kVadFrame;
    Pcm piece = heard_.cut(judged_to_, judged_to_ + judging_);
    core_->vad.submit(line_, std::move(piece),
                      [weak = weak_from_this()](std::optional<std::vector<double>> result) {
                          if (const std::shared_ptr<LocalStream> self = weak.lock()) {
                              self->judged(std::move(result));
                          }
                      });
}

void LocalStream::judged(std::optional<std::vector<double>> probabilities) {
    judging_ = 0;
    if (failure_) {
        return;
    }
    if (!probabilities) {
        fail("listening failed here; type, or try again");
        return;
    }
    std::vector<Endpoint> points;
    for (const double probability : *probabilities) {
        judged_to_ += kVadFrame;
        points.clear();
        endpoints_.frame(probability, kVadFrame, points);
        for (const Endpoint& point : points) {
            apply(point, Clock::now());
        }
    }
    reach_releases();
    advance();
    ask_partial();
    heard_.forget_before(endpoints_.needed_from());
    judge_more();
}

void LocalStream::reach_releases() {
    while (!releases_.empty() && releases_.front().at == judged_to_) {
        std::vector<Endpoint> points;
        endpoints_.release(points);
        for (const Endpoint& point : points) {
            apply(point, releases_.front().time);
        }
        releases_.pop_front();
    }
}

void LocalStream::apply(const Endpoint& point, Clock::time_point time) {
    switch (point.kind) {
    case EndpointKind::started:
        utterances_.emplace_back();
        utterances_.back().start = heard_.real(point.at);
        utterances_.back().window_begin = point.begin;
        utterances_.back().partial_asked_at = point.begin;
        break;
    case EndpointKind::pause:
        pause(point);
        break;
    case EndpointKind::resumed:
        resume();
        break;
    case EndpointKind::no_speech: // in its place among the utterances: it has none to wait for
        utterances_.emplace_back();
        utterances_.back().start = utterances_.back().end = heard_.real(point.at);
        utterances_.back().started_said = utterances_.back().stopped_said = true;
        utterances_.back().over = true;
        utterances_.back().guess.emplace();
        break;
    case EndpointKind::stopped: {
        Utterance& last = utterances_.back();
        last.end = heard_.real(point.at);
        last.over = true;
        last.over_at = time;
        if (!last.job && !last.guess) {
            last.window = heard_.cut(point.begin, point.end);
        }
        break;
    }
    }
}

// It may be over: recognised now, the result is there when it turns out to be.
void LocalStream::pause(const Endpoint& point) {
    Utterance& last = utterances_.back();
    last.end = heard_.real(point.at);
    if (utterances_.size() > 1) { // the one before is not even finished
        return;
    }
    last.window = heard_.cut(point.begin, point.end);
    recognise(last, Urgency::guess);
}

void LocalStream::resume() {
    Utterance& last = utterances_.back();
    if (last.job) {
        core_->models.give_up(last.job);
        last.job.reset();
    }
    last.guess.reset();
    last.window.clear();
}

void LocalStream::advance() {
    while (!failure_ && !utterances_.empty() && advance_first()) {
    }
}

// True when the first utterance is finished and gone.
bool LocalStream::advance_first() {
    Utterance& first = utterances_.front();
    if (!first.started_said) {
        first.started_said = true;
        SpeechStarted started;
        started.at = first.start;
        say(started);
    }
    if (!first.over) {
        return false;
    }
    if (!first.stopped_said) {
        first.stopped_said = true;
        SpeechStopped stopped;
        stopped.at = first.end;
        say(stopped);
        if (first.job) {
            core_->models.make_urgent(first.job);
        }
    }
    if (first.guess) {
        finish_first(*first.guess);
        return true;
    }
    if (!first.job) {
        recognise(first, Urgency::final);
    }
    return false;
}

ModelPool::Done LocalStream::hand_to(Result result) {
    return [weak = weak_from_this(), result](const ModelPool::JobHandle& job,
                                             std::optional<Heard> heard) {
        if (const std::shared_ptr<LocalStream> self = weak.lock()) {
            (self.get()->*result)(job, std::move(heard));
        }
    };
}

void LocalStream::recognise(Utterance& utterance, Urgency urgency) {
    if (utterance.partial) {
        core_->models.give_up(utterance.partial);
        utterance.partial.reset();
    }
    utterance.job =
        core_->models.submit(utterance.window, urgency, hand_to(&LocalStream::recognised));
}

void LocalStream::recognised(const ModelPool::JobHandle& job, std::optional<Heard> heard) {
    if (failure_ || utterances_.empty() || utterances_.front().job != job) {
        return; // of an utterance that went on meanwhile
    }
    Utterance& first = utterances_.front();
    first.job.reset();
    if (!heard) {
        if (first.over) {
            fail("your words could not be recognised here; type, or try again");
        }
        return; // a guess that failed: the end of speech tries once more
    }
    if (!first.over) {
        say_partial(first, *heard);
    }
    first.guess = std::move(heard);
    advance();
}

void LocalStream::ask_partial() {
    if (failure_ || utterances_.empty()) {
        return;
    }
    Utterance& first = utterances_.front();
    const uint64_t now = judged_to_;
    const uint64_t every = std::max(to_samples(core_->options.partial_every_ms), uint64_t{1});
    const bool due = now - first.partial_asked_at >= every &&
                     now - first.window_begin >= to_samples(kMinPartialWindowMs);
    if (first.over || !first.window.empty() || first.partial || !due || !core_->models.has_room()) {
        return;
    }
    first.partial_asked_at = now;
    first.partial = core_->models.submit(heard_.cut(first.window_begin, now), Urgency::partial,
                                         hand_to(&LocalStream::partial_done));
}

void LocalStream::partial_done(const ModelPool::JobHandle& job, std::optional<Heard> heard) {
    if (failure_ || utterances_.empty() || utterances_.front().partial != job) {
        return;
    }
    utterances_.front().partial.reset();
    if (heard) {
        say_partial(utterances_.front(), *heard);
    }
}

void LocalStream::say_partial(Utterance& utterance, const Heard& heard) {
    if (heard.text.empty() || heard.text == utterance.text) {
        return;
    }
    utterance.text = heard.text;
    Transcript transcript;
    transcript.text = heard.text;
    transcript.start = utterance.start;
    transcript.end = heard_.real(judged_to_);
    transcript.confidence = heard.confidence;
    const auto* before = events_.empty() ? nullptr : std::get_if<Transcript>(&events_.back());
    if (before != nullptr && !before->final) { // nobody took it: this one says it better
        events_.pop_back();
    }
    say(std::move(transcript));
}

void LocalStream::finish_first(const Heard& heard) {
    const Utterance& first = utterances_.front();
    if (heard.text.empty()) {
        SpeechDropped dropped;
        dropped.at = first.start;
        say(dropped);
    } else {
        Transcript transcript;
        transcript.text = heard.text;
        transcript.final = true;
        transcript.start = first.start;
        transcript.end = first.end;
        transcript.confidence = heard.confidence;
        transcript.after_speech_ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - first.over_at)
                .count();
        say(std::move(transcript));
    }
    utterances_.pop_front();
}

void LocalStream::say(RecognitionEvent event) {
    events_.push_back(std::move(event));
    changed_.notify();
}

void LocalStream::fail(const char* reason) {
    if (!failure_) {
        failure_.emplace(VoiceFault::unavailable, reason);
    }
    changed_.notify();
}

} // namespace mr::voice
