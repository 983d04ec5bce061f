// What a run has found: histograms, counts, what processes used, and the machine it was on. One
// JSON document, of which mr-bench compare and report read any number.
#pragma once

#include "bench/load/histogram.h"

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace mr::bench {

using Json = nlohmann::ordered_json;

inline constexpr int kResultVersion = 1;

struct Result {
    std::string scenario;
    Json config = Json::object();
    double measured_s = 0;
    std::map<std::string, Histogram> times; // microseconds
    Json counts = Json::object();
    Json rates = Json::object();      // per second, ratios, µs per event: what compare compares
    Json memory = Json::object();     // KiB
    Json series = Json::array();      // an object per second
    std::vector<std::string> invalid; // why the figures are the generator's, not the server's
    std::vector<std::string> broken;  // promises that were not kept: the run has failed

    bool ok() const { return invalid.empty() && broken.empty(); }
};

Json to_json(const Result& result, const Json& manifest);

// Kernel, processor, memory, versions of what is on the path, and what else the machine was doing.
Json make_manifest(int argc, const char* const* argv);

// The table for people.
std::string to_text(const Result& result);

// Writes summary.json and one .hgrm per histogram into the folder, which is made. Throws.
void write_result(const Result& result, const Json& manifest, const std::string& directory);

} // namespace mr::bench
