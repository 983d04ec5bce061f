// Questions as they were asked before: a recorded trace, with its pauses.
#pragma once

#include "bench/tool/common.h"

#include <map>
#include <string>
#include <vector>

namespace mr::bench {

struct TraceEntry {
    double at_s = 0; // behind the beginning
    uint64_t session = 0;
    std::string question;
    size_t line = 0; // of the trace
};

// Lines of JSON: {"at_ms":1250,"session":"any name","question":"…"}, in any order. Throws
// std::runtime_error that names the line.
std::vector<TraceEntry> read_trace(const std::string& path);

struct ReplayOptions {
    std::string trace;
    double speed = 1; // 2: in half of the time
    std::map<std::string, double> slo;
    double grace_s = 60; // for the last answers
};

Result run_replay(const Common& common, const ReplayOptions& options);

} // namespace mr::bench
