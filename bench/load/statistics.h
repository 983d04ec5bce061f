// Whether two sets of measurements differ, and by how much.
#pragma once

#include <cstdint>
#include <vector>

namespace mr::bench {

double median(std::vector<double> values); // 0 when empty

struct Interval {
    double low = 0;
    double high = 0;
};

// 95 % interval of median(b)/median(a) by the percentile bootstrap (Efron 1979), with a fixed seed:
// the same numbers give the same interval.
Interval ratio_interval(const std::vector<double>& a, const std::vector<double>& b);

// Two-sided p of the Mann-Whitney U test: exact by enumeration for small sets without ties, else by
// the normal approximation with correction for ties and continuity. 1 when there is nothing to
// tell.
double mann_whitney_p(const std::vector<double>& a, const std::vector<double>& b);

} // namespace mr::bench
