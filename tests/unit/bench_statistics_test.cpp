#include "bench/load/histogram.h"
#include "bench/load/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace mr::bench {
namespace {

uint64_t exact_quantile(std::vector<uint64_t> values, double share) {
    std::sort(values.begin(), values.end());
    const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
    return values[std::max<size_t>(rank, 1) - 1];
}

TEST(Histogram, QuantilesAreWithinAFifthOfAPercent) {
    std::mt19937_64 random(1);
    for (const double spread : {1.0, 3.0, 8.0}) {
        std::vector<uint64_t> values;
        Histogram histogram;
        for (int i = 0; i < 20'000; ++i) {
            const double value = std::exp(std::normal_distribution<double>(6, spread)(random));
            values.push_back(static_cast<uint64_t>(std::min(value, 1e15)));
            histogram.add(values.back());
        }
        for (const double share : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
            const auto exact = static_cast<double>(exact_quantile(values, share));
            const auto found = static_cast<double>(histogram.quantile(share));
            EXPECT_GE(found, exact) << share;
            EXPECT_LE(found, exact * 1.002 + 1) << share;
        }
        EXPECT_EQ(histogram.max(), *std::max_element(values.begin(), values.end()));
        EXPECT_EQ(histogram.min(), *std::min_element(values.begin(), values.end()));
    }
}

TEST(Histogram, HoldsEveryValue) {
    Histogram histogram;
    for (unsigned bit = 0; bit < 64; ++bit) {
        histogram.add(uint64_t{1} << bit);
        histogram.add((uint64_t{1} << bit) - 1);
    }
    EXPECT_EQ(histogram.count(), 128u);
    EXPECT_EQ(histogram.quantile(1), uint64_t{1} << 63);
    EXPECT_EQ(histogram.count_up_to(1), 3u); // 0, 1 and 1
    EXPECT_EQ(histogram.count_up_to(UINT64_MAX), 128u);
}

TEST(Histogram, SumsAreThoseOfAllValues) {
    Histogram first, second, both;
    std::mt19937_64 random(2);
    for (int i = 0; i < 5000; ++i) {
        const uint64_t value = random() % 1'000'000;
        (i % 3 == 0 ? first : second).add(value);
        both.add(value);
    }
    first.add(second);
    EXPECT_EQ(first.count(), both.count());
    EXPECT_DOUBLE_EQ(first.mean(), both.mean());
    EXPECT_EQ(first.hgrm(1000), both.hgrm(1000));
    Histogram none;
    none.add(Histogram());
    EXPECT_EQ(none.quantile(0.5), 0u);
    EXPECT_EQ(none.min(), 0u);
}

TEST(Statistics, Medians) {
    EXPECT_EQ(median({}), 0);
    EXPECT_EQ(median({3}), 3);
    EXPECT_EQ(median({4, 1, 3}), 3);
    EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

// Published critical values of U at 5 % (two-sided): 4 and 4: 0, 5 and 5: 2, 8 and 8: 13.
TEST(Statistics, MannWhitneyAgreesWithTheTables) {
    EXPECT_NEAR(mann_whitney_p({1, 2, 3, 4}, {5, 6, 7, 8}), 2.0 / 70, 1e-12);
    EXPECT_NEAR(mann_whitney_p({5, 6, 7, 8}, {1, 2, 3, 4}), 2.0 / 70, 1e-12);
    EXPECT_NEAR(mann_whitney_p({1, 2, 3}, {4, 5, 6}), 0.1, 1e-12);
    EXPECT_NEAR(mann_whitney_p({1, 2, 3, 4, 7}, {5, 6, 8, 9, 10}), 8.0 / 252, 1e-12); // U = 2
    EXPECT_GT(mann_whitney_p({1, 2, 3, 5, 7}, {4, 6, 8, 9, 10}), 0.05);               // U = 3
    EXPECT_EQ(mann_whitney_p({1, 1, 1, 1}, {1, 1, 1, 1}), 1);
    EXPECT_EQ(mann_whitney_p({}, {1}), 1);
}

TEST(Statistics, LargeSetsUseTheNormalApproximation) {
    std::mt19937_64 random(3);
    std::vector<double> same_a, same_b, more;
    for (int i = 0; i < 60; ++i) {
        const auto draw = [&random] { return std::normal_distribution<double>(100, 10)(random); };
        same_a.push_back(draw());
        same_b.push_back(draw());
        more.push_back(draw() + 15);
    }
    EXPECT_GT(mann_whitney_p(same_a, same_b), 0.05);
    EXPECT_LT(mann_whitney_p(same_a, more), 1e-6);
    const Interval none = ratio_interval(same_a, same_b);
    EXPECT_LT(none.low, 1);
    EXPECT_GT(none.high, 1);
    const Interval real = ratio_interval(same_a, more);
    EXPECT_GT(real.low, 1.05);
    EXPECT_LT(real.high, 1.25);
}

} // namespace
} // namespace mr::bench
