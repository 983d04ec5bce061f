// How much of the sound that was sent to a client it has played by now, if it plays without a gap:
// nobody knows better until it says so. Milliseconds of sound; pure, the time comes from outside.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace mr {

class PlayClock {
  public:
    using Time = std::chrono::steady_clock::time_point;

    void sent(int64_t ms, Time now) {
        if (played(now) >= sent_) { // it had run out, and begins again with this
            anchor_ms_ = sent_;
            anchor_ = now;
        }
        sent_ += ms;
    }
    int64_t sent() const { return sent_; }

    int64_t played(Time now) const {
        if (held_) {
            return anchor_ms_;
        }
        const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - anchor_);
        return std::min(sent_, anchor_ms_ + std::max<int64_t>(0, passed.count()));
    }
    int64_t ahead(Time now) const { return sent_ - played(now); }

    void hold(Time now) {
        anchor_ms_ = played(now);
        held_ = true;
    }
    void go_on(Time now) {
        if (held_) {
            held_ = false;
            anchor_ = now;
        }
    }

  private:
    Time anchor_{};         // at this time
    int64_t anchor_ms_ = 0; // so much had been played
    int64_t sent_ = 0;
    bool held_ = false;
};

} // namespace mr
