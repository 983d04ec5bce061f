// How often an account may be asked, and the arithmetic of it (GCRA: the time at which the next
// call is due is all there is to remember; ITU-T I.371, as many rate limiters have it). Pure; the
// script of worker/redis/rate_script.cpp does the same for all workers.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace mr::rest {

inline constexpr std::chrono::milliseconds kMaxHold{120'000}; // of a pause a provider asks for
inline constexpr std::uint64_t kMaxBurst = 10;

// In every span of `per`, wherever it begins, at most `calls` are let through, `burst` of them at
// once and the others evenly spaced. Half open: a call at its very end belongs to the next one.
struct Rate {
    std::uint64_t calls = 0; // 0: no limit
    std::chrono::milliseconds per{1'000};
    std::uint64_t burst = 1; // 1..calls

    std::chrono::microseconds apart() const {
        const auto spaced = static_cast<std::int64_t>(calls - burst + 1);
        return std::chrono::microseconds((per.count() * 1000 + spaced - 1) / spaced);
    }
    std::chrono::microseconds ahead() const {
        return apart() * static_cast<std::int64_t>(burst - 1);
    }
};

// What a provider counts by the second may not come in bursts; of a minute's calls a quarter may,
// so that a turn need not wait for its own calls.
inline Rate per_second(std::uint64_t calls) {
    return {calls, std::chrono::milliseconds(1'000), 1};
}
inline Rate per_minute(std::uint64_t calls) {
    return {calls, std::chrono::milliseconds(60'000),
            std::clamp<std::uint64_t>(calls / 4, 1, kMaxBurst)};
}

// A place in the queue of an account.
struct Place {
    std::chrono::microseconds wait{0};
    bool refused = false; // it would be later than the caller can wait: nothing was taken
};

// The queue itself, by any one clock, in microseconds.
struct Queue {
    std::int64_t due = 0;

    Place take(std::int64_t now, const Rate& rate, std::chrono::microseconds longest) {
        const std::int64_t from = std::max(due, now);
        const std::int64_t wait = std::max<std::int64_t>(from - rate.ahead().count() - now, 0);
        if (wait > longest.count()) {
            return {std::chrono::microseconds(wait), true};
        }
        due = from + rate.apart().count();
        return {std::chrono::microseconds(wait), false};
    }
    // Nobody who comes from now on is let through before the pause is over, and then no burst.
    void hold(std::int64_t now, const Rate& rate, std::chrono::microseconds pause) {
        due = std::max(due, now + pause.count() + rate.ahead().count());
    }
};

} // namespace mr::rest
