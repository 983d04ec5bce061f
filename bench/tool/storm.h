// All sessions are cut in the middle of their answers and come back at once, behind the last event
// they have.
#pragma once

#include "bench/tool/common.h"

namespace mr::bench {

struct StormOptions {
    uint64_t sessions = 1000;
    uint64_t rate = 5;   // events a second and session of the app bench meanwhile
    double limit_s = 60; // for all to be back
};
Result run_storm(const Common& common, const StormOptions& options);

} // namespace mr::bench
