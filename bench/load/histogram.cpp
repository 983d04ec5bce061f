#include "bench/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

namespace mr::bench {
namespace {

constexpr unsigned kStepBits = 9;
constexpr uint64_t kSteps = uint64_t{1} << kStepBits; // in a power of two

size_t step_of(uint64_t value) {
    if (value < 2 * kSteps) {
        return static_cast<size_t>(value);
    }
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kStepBits - 1;
    return static_cast<size_t>(shift * kSteps + (value >> shift));
}

// The greatest value of a step.
uint64_t end_of(size_t step) {
    if (step < 2 * kSteps) {
        return step;
    }
    const uint64_t shift = step / kSteps - 1;
    return (((step - shift * kSteps) + 1) << shift) - 1;
}

} // namespace

void Histogram::add(uint64_t value) {
    const size_t step = step_of(value);
    if (step >= steps_.size()) {
        steps_.resize(step + kSteps);
    }
    ++steps_[step];
    ++count_;
    sum_ += static_cast<double>(value);
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
}

void Histogram::add(const Histogram& other) {
    if (steps_.size() < other.steps_.size()) {
        steps_.resize(other.steps_.size());
    }
    for (size_t i = 0; i < other.steps_.size(); ++i) {
        steps_[i] += other.steps_[i];
    }
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
}

uint64_t Histogram::quantile(double share) const {
    if (count_ == 0) {
        return 0;
    }
    const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_)));
    uint64_t seen = 0;
    for (size_t step = 0; step < steps_.size(); ++step) {
        seen += steps_[step];
        if (seen >= std::max<uint64_t>(wanted, 1)) {
            return std::min(end_of(step), max_);
        }
    }
    return max_;
}

uint64_t Histogram::count_up_to(uint64_t value) const {
    uint64_t seen = 0;
    const size_t last = step_of(value);
    for (size_t step = 0; step < steps_.size() && step <= last; ++step) {
        seen += steps_[step];
    }
    return seen;
}

std::string Histogram::hgrm(double unit) const {
    std::string text = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n";
    char line[128];
    uint64_t seen = 0;
    for (size_t step = 0; step < steps_.size(); ++step) {
        if (steps_[step] == 0) {
            continue;
        }
        seen += steps_[step];
        const double share = static_cast<double>(seen) / static_cast<double>(count_);
        const auto value = static_cast<double>(std::min(end_of(step), max_)) / unit;
        if (seen < count_) {
            std::snprintf(line, sizeof(line), "%12.3f %2.12f %10llu %14.2f\n", value, share,
                          static_cast<unsigned long long>(seen), 1 / (1 - share));
        } else {
            std::snprintf(line, sizeof(line), "%12.3f %2.12f %10llu\n", value, share,
                          static_cast<unsigned long long>(seen));
        }
        text += line;
    }
    std::snprintf(line, sizeof(line), "#[Mean = %12.3f]\n#[Max = %12.3f, Total count = %llu]\n",
                  mean() / unit, static_cast<double>(max_) / unit,
                  static_cast<unsigned long long>(count_));
    return text + line;
}

} // namespace mr::bench
