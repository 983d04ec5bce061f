// How fast the messages of one session are looked at: a number at once, then so many per second.
// Every message may cost an event in the log, so this bounds what a flooding client can make of it;
// what comes faster waits in the in lane, until that is full and the gateway refuses more. Pure.
#pragma once

#include <algorithm>
#include <chrono>

namespace mr {

inline constexpr double kMailBurst = 200;
inline constexpr double kMailPerSecond = 50;

class MailRate {
  public:
    using Clock = std::chrono::steady_clock;

    explicit MailRate(Clock::time_point now) : at_(now) {}

    // Until the next message may be looked at.
    Clock::duration pause(Clock::time_point now) {
        refill(now);
        const double missing = std::max(0.0, 1 - tokens_);
        return std::chrono::ceil<std::chrono::milliseconds>(
            std::chrono::duration<double>(missing / kMailPerSecond));
    }
    void take(Clock::time_point now) {
        refill(now);
        tokens_ -= 1;
    }

  private:
    void refill(Clock::time_point now) {
        const std::chrono::duration<double> passed = now - at_;
        at_ = now;
        tokens_ = std::min(kMailBurst, tokens_ + passed.count() * kMailPerSecond);
    }

    double tokens_ = kMailBurst;
    Clock::time_point at_;
};

} // namespace mr
