// Times of mr-bench: nanoseconds of the monotonic clock, microseconds since 1970 for stamps that
// another process made.
#pragma once

#include <time.h>

#include <cstdint>

namespace mr::bench {

inline constexpr int64_t kNsPerUs = 1000;
inline constexpr int64_t kNsPerMs = 1'000'000;
inline constexpr int64_t kNsPerS = 1'000'000'000;

inline int64_t clock_ns(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return time.tv_sec * kNsPerS + time.tv_nsec;
}

inline int64_t now_ns() {
    return clock_ns(CLOCK_MONOTONIC);
}

inline int64_t wall_us() {
    return clock_ns(CLOCK_REALTIME) / kNsPerUs;
}

} // namespace mr::bench
