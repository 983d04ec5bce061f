// Reconnect delays: exponential growth with full jitter (a uniform random part of the current
// ceiling), so that a herd spreads out. Owns its state; the caller brings randomness and the timer.
#pragma once

#include <cstdint>

namespace mr {

class Backoff {
  public:
    constexpr Backoff(uint32_t first_ms, uint32_t max_ms)
        : first_ms_(first_ms), max_ms_(max_ms), ceiling_ms_(first_ms) {}

    // The next delay in ms, between first/4 and the ceiling; the ceiling doubles up to the maximum.
    uint32_t next(uint32_t random) {
        const uint32_t floor_ms = first_ms_ / 4;
        const uint32_t delay_ms = floor_ms + random % (ceiling_ms_ - floor_ms + 1);
        ceiling_ms_ = ceiling_ms_ > max_ms_ / 2 ? max_ms_ : ceiling_ms_ * 2;
        return delay_ms;
    }
    void reset() { ceiling_ms_ = first_ms_; }

  private:
    uint32_t first_ms_;
    uint32_t max_ms_;
    uint32_t ceiling_ms_;
};

} // namespace mr
