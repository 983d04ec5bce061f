// The same events a second of few sessions and of many, in turn: whether an event costs more, or
// comes later, where more sessions share them.
#pragma once

#include "bench/tool/relay.h"

#include <vector>

namespace mr::bench {

struct GrowthOptions {
    uint64_t total_rate = 10'000; // events a second over all sessions
    std::vector<uint64_t> sessions = {100, 1000, 10'000};
    uint64_t rounds = 1; // of all of them up and down again
    uint64_t bytes = 80; // of an event's text
};

// Throws std::runtime_error.
Result run_growth(const Common& common, const GrowthOptions& options);

} // namespace mr::bench
