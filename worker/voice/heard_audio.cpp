#include "worker/voice/heard_audio.h"

#include <algorithm>

namespace mr::voice {
namespace {

constexpr size_t kForgetSamples = kVoiceRate; // a second at a time is worth moving the rest

} // namespace

void HeardAudio::append(PcmView samples) {
    samples_.insert(samples_.end(), samples.begin(), samples.end());
}

void HeardAudio::shift(int64_t samples) {
    const bool same_place = !shifts_.empty() && shifts_.back().at == end();
    if (same_place || shifts_.size() >= kMaxPlaceShifts) {
        shifts_.back().samples += samples;
    } else {
        shifts_.push_back(Shift{end(), samples});
    }
}

Pcm HeardAudio::cut(uint64_t begin, uint64_t end_place) const {
    const uint64_t first = std::clamp(begin, begin_, end());
    const uint64_t last = std::clamp(end_place, first, end());
    return {samples_.begin() + static_cast<int64_t>(first - begin_),
            samples_.begin() + static_cast<int64_t>(last - begin_)};
}

void HeardAudio::forget_before(uint64_t place) {
    wanted_ = std::clamp(place, wanted_, end());
    if (wanted_ - begin_ < kForgetSamples) {
        return;
    }
    samples_.erase(samples_.begin(), samples_.begin() + static_cast<int64_t>(wanted_ - begin_));
    begin_ = wanted_;
    while (!shifts_.empty() && shifts_.front().at <= begin_) {
        base_ += shifts_.front().samples;
        shifts_.pop_front();
    }
}

uint64_t HeardAudio::real(uint64_t place) const noexcept {
    int64_t shifted = static_cast<int64_t>(place) + base_;
    for (const Shift& shift : shifts_) {
        shifted += shift.at <= place ? shift.samples : 0;
    }
    return static_cast<uint64_t>(std::max<int64_t>(shifted, 0));
}

} // namespace mr::voice
