// Load while something is done to the deployment: a reload, a worker replaced, Redis restarted.
// Every session streams an answer all the time; afterwards each is whole or the run has failed.
#pragma once

#include "bench/tool/common.h"

#include <string>
#include <vector>

namespace mr::bench {

struct DeployOptions {
    uint64_t sessions = 200;
    uint64_t rate = 20;               // events a second and answer
    std::vector<std::string> actions; // commands of the shell, one after the other
    double between_s = 5;             // before each, and behind the last: at least
    double turn_s = 3;                // length of an answer
    double grace_s = 60;              // for the last answers
};

Result run_deploy(const Common& common, const DeployOptions& options);

} // namespace mr::bench
