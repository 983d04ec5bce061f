// One HTML page about any number of results: percentile curves, load against latency, time series,
// phases, CPU per event by process. Everything is inside: it opens without a network.
#pragma once

#include <string>
#include <vector>

namespace mr::bench {

// `inputs`: folders with summary.json somewhere below. Throws std::runtime_error.
void write_report(const std::vector<std::string>& inputs, const std::string& output);

} // namespace mr::bench
