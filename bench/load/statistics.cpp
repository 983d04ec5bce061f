#include "bench/load/statistics.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace mr::bench {
namespace {

constexpr int kResamples = 4000;
constexpr size_t kExactUpTo = 10; // of each set

double median_of(std::vector<double>& values) {
    const size_t half = values.size() / 2;
    std::nth_element(values.begin(), values.begin() + static_cast<long>(half), values.end());
    if (values.size() % 2 != 0) {
        return values[half];
    }
    return (values[half] +
            *std::max_element(values.begin(), values.begin() + static_cast<long>(half))) /
           2;
}

double resampled_median(const std::vector<double>& values, std::mt19937_64& random) {
    std::uniform_int_distribution<size_t> pick(0, values.size() - 1);
    std::vector<double> drawn(values.size());
    for (double& one : drawn) {
        one = values[pick(random)];
    }
    return median_of(drawn);
}

// How many of all ways to draw n of n + m ranks have a sum of U at most `u`: by the recurrence of
// Mann and Whitney (1947).
double share_up_to(size_t n, size_t m, size_t u) {
    std::vector<std::vector<double>> ways(n + 1, std::vector<double>(n * m + 1, 0));
    ways[0][0] = 1;
    for (size_t rank = 1; rank <= n + m; ++rank) { // rank taken by the first set, or not
        for (size_t taken = std::min(rank, n); taken > 0; --taken) {
            const size_t below = rank - taken; // of the other set
            for (size_t sum = n * m + 1; below <= m && sum-- > below;) {
                ways[taken][sum] += ways[taken - 1][sum - below];
            }
        }
    }
    double all = 0;
    double within = 0;
    for (size_t sum = 0; sum <= n * m; ++sum) {
        all += ways[n][sum];
        within += sum <= u ? ways[n][sum] : 0;
    }
    return within / all;
}

} // namespace

double median(std::vector<double> values) {
    return values.empty() ? 0 : median_of(values);
}

Interval ratio_interval(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.empty() || b.empty()) {
        return {};
    }
    std::mt19937_64 random(20240229);
    std::vector<double> ratios;
    ratios.reserve(kResamples);
    for (int i = 0; i < kResamples; ++i) {
        const double below = resampled_median(a, random);
        const double above = resampled_median(b, random);
        if (below != 0) {
            ratios.push_back(above / below);
        }
    }
    if (ratios.empty()) {
        return {};
    }
    std::sort(ratios.begin(), ratios.end());
    const auto at = [&ratios](double share) {
        return ratios[static_cast<size_t>(share * static_cast<double>(ratios.size() - 1))];
    };
    return {at(0.025), at(0.975)};
}

double mann_whitney_p(const std::vector<double>& a, const std::vector<double>& b) {
    const size_t n = a.size();
    const size_t m = b.size();
    if (n == 0 || m == 0) {
        return 1;
    }
    double u = 0;
    std::vector<double> all(a);
    all.insert(all.end(), b.begin(), b.end());
    for (const double one : a) {
        for (const double other : b) {
            u += one > other ? 1 : one == other ? 0.5 : 0;
        }
    }
    const auto product = static_cast<double>(n * m);
    const double smaller = std::min(u, product - u);
    std::sort(all.begin(), all.end());
    double ties = 0;
    for (size_t i = 0; i < all.size();) {
        size_t same = i;
        while (same < all.size() && all[same] == all[i]) {
            ++same;
        }
        const auto count = static_cast<double>(same - i);
        ties += count * count * count - count;
        i = same;
    }
    if (ties == 0 && n <= kExactUpTo && m <= kExactUpTo) {
        return std::min(1.0, 2 * share_up_to(n, m, static_cast<size_t>(smaller)));
    }
    const auto count = static_cast<double>(n + m);
    const double variance = product / 12 * (count + 1 - ties / (count * (count - 1)));
    if (variance <= 0) {
        return 1;
    }
    const double z = std::max(0.0, product / 2 - smaller - 0.5) / std::sqrt(variance);
    return std::min(1.0, std::erfc(z / std::sqrt(2.0)));
}

} // namespace mr::bench
