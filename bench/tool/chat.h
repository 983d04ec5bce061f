// Questions against any deployment, as users ask them: the rate of arrivals does not wait for the
// answers (an open loop), and every time is counted from the moment at which the question was
// planned.
#pragma once

#include "bench/tool/common.h"

#include <map>
#include <string>
#include <vector>

namespace mr::bench {

struct ChatOptions {
    uint64_t sessions = 100;
    double rate = 10;      // questions a second
    bool constant = false; // otherwise as from many independent users (Poisson)
    bool closed = false;   // each session asks again `think_s` after its answer: no rate
    double think_s = 0;
    std::vector<std::string> questions; // in turn; empty: some of the embedded company's
    std::map<std::string, double> slo;  // milliseconds: first_event, first_text, stall, turn
    double grace_s = 60;                // for answers that are being written at the end
};

Result run_chat(const Common& common, const ChatOptions& options);

} // namespace mr::bench
