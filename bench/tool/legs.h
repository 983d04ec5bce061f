// Runs of different kinds that took turns within one measurement: what drifts meanwhile hits all of
// them. Gathers their figures, medians of each kind, and ratios of neighbours.
#pragma once

#include "bench/load/result.h"

#include <map>
#include <string>
#include <vector>

namespace mr::bench {

class Legs {
  public:
    explicit Legs(Result& whole, bool quiet) : whole_(whole), quiet_(quiet) {}

    // Its rates, and p50 and p99 of its times ("latency_p99_ms"), into the series; what it found
    // broken is broken in the whole as well. Whether the generator was its bottleneck is counted.
    void add(const std::string& kind, const Result& leg);

    // Of a figure over the legs of a kind, 0 where none has it.
    double median_of(const std::string& kind, const std::string& figure) const;
    // Of `figure` of b by that of a, over their first legs, their second ones, and so on.
    double ratio_of(const std::string& a, const std::string& b, const std::string& figure) const;
    // Once all are in: the whole is invalid if the generator was the bottleneck of any, and says of
    // how many, with what follows from it.
    void note_invalid(const std::string& consequence = {});
    uint64_t invalid() const { return invalid_; }

  private:
    std::vector<double> values_of(const std::string& kind, const std::string& figure) const;

    Result& whole_;
    const bool quiet_;
    std::map<std::string, std::vector<Json>> legs_;
    uint64_t count_ = 0;
    uint64_t invalid_ = 0;
};

} // namespace mr::bench
