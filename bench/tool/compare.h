// Two sets of results side by side: for every figure both have, the medians, their ratio with its
// 95 % interval, and whether the second is better or worse.
#pragma once

#include <string>
#include <vector>

namespace mr::bench {

struct CompareOptions {
    std::string first; // a summary.json, or a folder with any number of them below
    std::string second;
    double least_effect = 0.02;    // smaller differences are none
    std::vector<std::string> only; // figures whose names begin so; empty: all
    bool gate = false;             // exit 1 when the second is worse in any of them
    bool json = false;
};

// Prints the table. Returns false when the gate is closed. Throws std::runtime_error.
bool run_compare(const CompareOptions& options);

// +1: more is better, -1: less is better, 0: neither (a count, a share of a core at a given load).
int direction_of(const std::string& figure);

} // namespace mr::bench
