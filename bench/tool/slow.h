// Slow readers beside fast users: what a slow one costs the server, and whether the fast ones
// notice.
#pragma once

#include "bench/tool/common.h"

namespace mr::bench {

struct SlowOptions {
    uint64_t slow = 200;
    uint64_t pace = 16 * 1024; // bytes a second that a slow client reads
    uint64_t size_kib = 640;   // of a slow client's answer
    uint64_t fast = 20;        // users who ask again and again, an answer of a second each
    double limit_s = 120;      // for what the slow ones have not read at the end, at full speed
};

Result run_slow(const Common& common, const SlowOptions& options);

} // namespace mr::bench
