#include "worker/voice/endpointing.h"

#include <algorithm>

namespace mr::voice {
namespace {

// A candidate may dip for so long: the closure in front of a plosive is silent.
constexpr int64_t kCandidateDipMs = 64;

uint64_t back(uint64_t place, int64_t ms) {
    return place - std::min(place, to_samples(ms));
}

} // namespace

Endpointing::Endpointing(const EndpointingOptions& options) : options_(options) {}

void Endpointing::frame(double probability, uint64_t samples, std::vector<Endpoint>& out) {
    frame_begin_ = now_;
    now_ += samples;
    const bool speech = probability >= options_.start_threshold;
    const bool silence = probability < options_.stop_threshold;
    switch (state_) {
    case State::idle:
        if (speech) {
            begin_candidate(frame_begin_);
            candidate(true, false, out);
        }
        break;
    case State::candidate:
        candidate(speech, silence, out);
        break;
    case State::speech:
    case State::silence:
        utterance(speech, silence, out);
        break;
    }
}

void Endpointing::begin_candidate(uint64_t at) {
    state_ = State::candidate;
    onset_ = at;
    last_speech_ = at;
    voiced_ = 0;
}

void Endpointing::candidate(bool speech, bool silence, std::vector<Endpoint>& out) {
    if (!silence) { // between the thresholds it goes on being what it was
        voiced_ += now_ - frame_begin_;
        last_speech_ = now_;
    }
    if (silence && now_ - last_speech_ >= to_samples(kCandidateDipMs)) {
        state_ = State::idle;
        return;
    }
    if (speech && voiced_ >= to_samples(options_.min_speech_ms)) {
        state_ = State::speech;
        paused_ = false;
        out.push_back(endpoint(EndpointKind::started));
    }
}

void Endpointing::utterance(bool speech, bool silence, std::vector<Endpoint>& out) {
    if (state_ == State::silence && speech) {
        state_ = State::speech;
    } else if (state_ == State::speech && silence) {
        state_ = State::silence;
    }
    if (state_ == State::speech) {
        last_speech_ = now_;
        if (paused_) {
            paused_ = false;
            out.push_back(endpoint(EndpointKind::resumed));
        }
    }
    const uint64_t quiet = now_ - last_speech_;
    const bool over = options_.mode == TalkMode::hands_free && state_ == State::silence &&
                      quiet >= to_samples(options_.hang_over_ms);
    if (over || now_ - onset_ >= to_samples(options_.max_utterance_ms)) {
        stop(out);
    } else if (!paused_ && quiet >= to_samples(options_.speculate_ms)) {
        paused_ = true;
        out.push_back(endpoint(EndpointKind::pause));
    }
}

void Endpointing::release(std::vector<Endpoint>& out) {
    if (state_ == State::candidate) { // who holds a key means what is heard
        out.push_back(endpoint(EndpointKind::started));
        stop(out);
    } else if (speaking()) {
        stop(out);
    } else {
        Endpoint none;
        none.kind = EndpointKind::no_speech;
        none.at = none.begin = none.end = now_;
        out.push_back(none);
    }
}

void Endpointing::stop(std::vector<Endpoint>& out) {
    out.push_back(endpoint(EndpointKind::stopped));
    state_ = State::idle;
    paused_ = false;
    free_from_ = now_;
}

uint64_t Endpointing::needed_from() const noexcept {
    const uint64_t first = state_ == State::idle ? now_ : onset_;
    return std::max(free_from_, back(first, options_.pre_roll_ms));
}

Endpoint Endpointing::endpoint(EndpointKind kind) const noexcept {
    Endpoint point;
    point.kind = kind;
    point.at = kind == EndpointKind::started ? onset_ : last_speech_;
    point.begin = std::max(free_from_, back(onset_, options_.pre_roll_ms));
    point.end = now_;
    return point;
}

} // namespace mr::voice
