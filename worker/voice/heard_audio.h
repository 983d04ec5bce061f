// The newest sound of one stream, out of which windows are cut, and what became of its places:
// samples that were refused are a gap, and a frame that was filled up has some that never were.
// Inside, places count what is held; real() gives those of the stream as its client counts.
#pragma once

#include "worker/voice/audio.h"

#include <cstdint>
#include <deque>

namespace mr::voice {

inline constexpr size_t kMaxPlaceShifts = 256; // remembered; more are counted into the last one

class HeardAudio {
  public:
    void append(PcmView samples);
    // From here on, real places are `samples` further on (or, negative, back).
    void shift(int64_t samples);

    uint64_t end() const noexcept { return begin_ + samples_.size(); }
    // What is held of [begin, end).
    Pcm cut(uint64_t begin, uint64_t end) const;
    void forget_before(uint64_t place);

    uint64_t real(uint64_t place) const noexcept;

  private:
    struct Shift {
        uint64_t at = 0;
        int64_t samples = 0;
    };

    Pcm samples_;
    uint64_t begin_ = 0;  // of samples_
    uint64_t wanted_ = 0; // of what must be kept; the rest goes when it is worth moving
    int64_t base_ = 0;    // shifts in front of everything held
    std::deque<Shift> shifts_;
};

} // namespace mr::voice
