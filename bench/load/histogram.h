// A histogram of durations or sizes whose relative error is below 0.2 % at any value: 512 linear
// steps in every power of two. Constant cost per value, exact count, sum, least and most;
// histograms of threads and runs can be added.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mr::bench {

class Histogram {
  public:
    void add(uint64_t value);
    void add(const Histogram& other);

    uint64_t count() const { return count_; }
    uint64_t min() const { return count_ != 0 ? min_ : 0; }
    uint64_t max() const { return max_; }
    double mean() const { return count_ != 0 ? sum_ / static_cast<double>(count_) : 0; }
    // The least value that `share` (0 to 1) of all values do not exceed, at the upper end of its
    // step, never above max(). 0 when empty.
    uint64_t quantile(double share) const;
    // How many of the values are at most that, to the precision of a step.
    uint64_t count_up_to(uint64_t value) const;

    // The percentile table that tools of HdrHistogram plot: value, share, count so far,
    // 1/(1-share). Values are divided by `unit`.
    std::string hgrm(double unit) const;

  private:
    std::vector<uint64_t> steps_; // grows to the greatest value seen
    uint64_t count_ = 0;
    uint64_t min_ = UINT64_MAX;
    uint64_t max_ = 0;
    double sum_ = 0;
};

} // namespace mr::bench
