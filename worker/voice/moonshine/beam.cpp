#include "worker/voice/moonshine/beam.h"

#include <algorithm>
#include <utility>

namespace mr::voice::moonshine {

Beam::Beam(const WordWalk& begin, const BeamOptions& options) : options_(options) {
    live_.push_back({{}, {}, 0, begin, 0});
}

const Beam::Text& Beam::best() const {
    return complete_.empty() ? live_.front() : complete_.front();
}

std::vector<Beam::Continued> Beam::continued(std::span<const std::vector<Candidate>> next) const {
    std::vector<Continued> all;
    for (size_t parent = 0; parent < live_.size(); ++parent) {
        for (const Candidate& candidate : next[parent]) {
            if (candidate.log_likelihood <
                next[parent].front().log_likelihood - options_.candidates) {
                break;
            }
            Continued one{parent, candidate, live_[parent].walk, 0};
            if (candidate.token == kTextEnd) {
                one.walk.end();
            } else {
                one.walk.add(candidate.piece);
            }
            one.score = live_[parent].heard + candidate.log_likelihood + one.walk.preference();
            all.push_back(std::move(one));
        }
    }
    std::ranges::sort(all, std::ranges::greater{}, &Continued::score);
    return all;
}

// The same words again, in another case or with other punctuation, would take another's place.
bool Beam::is_known(const Continued& one, std::span<const Text> among) const {
    return std::ranges::any_of(
        among, [&](const Text& text) { return text.walk.words() == one.walk.words(); });
}

Beam::Text Beam::extended(const Continued& one) const {
    Text text{live_[one.parent].tokens, live_[one.parent].log_likelihoods,
              live_[one.parent].heard + one.candidate.log_likelihood, one.walk, one.parent};
    if (one.candidate.token != kTextEnd) {
        text.tokens.push_back(one.candidate.token);
        text.log_likelihoods.push_back(one.candidate.log_likelihood);
    }
    return text;
}

void Beam::step(std::span<const std::vector<Candidate>> next) {
    std::vector<Text> live;
    const std::vector<Continued> all = continued(next);
    float best = all.empty() ? 0 : all.front().score;
    if (!complete_.empty()) {
        best = std::max(best, complete_.front().score());
    }
    for (const Continued& one : all) {
        if (one.score < best - options_.behind || live.size() >= options_.width) {
            break;
        }
        if (one.candidate.token == kTextEnd) {
            if (complete_.empty() || complete_.front().score() < one.score) {
                complete_.assign(1, extended(one));
            }
        } else if (!is_known(one, live)) {
            live.push_back(extended(one));
        }
    }
    const bool decided =
        !complete_.empty() && (live.empty() || complete_.front().score() >= live.front().score());
    live_ = decided ? std::vector<Text>() : std::move(live);
}

} // namespace mr::voice::moonshine
