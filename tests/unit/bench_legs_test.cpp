#include "bench/tool/legs.h"

#include <gtest/gtest.h>

namespace mr::bench {
namespace {

Result leg(double figure) {
    Result result;
    result.rates["figure"] = figure;
    result.measured_s = 2;
    return result;
}

TEST(BenchLegs, RatiosAreOfNeighbours) {
    Result whole;
    Legs legs(whole, true);
    // The machine becomes three times slower meanwhile.
    for (const double drift : {1.0, 2.0, 3.0}) {
        legs.add("a", leg(10 * drift));
        legs.add("b", leg(11 * drift));
    }
    EXPECT_DOUBLE_EQ(legs.median_of("a", "figure"), 20);
    EXPECT_DOUBLE_EQ(legs.median_of("b", "figure"), 22);
    EXPECT_DOUBLE_EQ(legs.ratio_of("a", "b", "figure"), 1.1);
    EXPECT_EQ(legs.median_of("c", "figure"), 0);
    EXPECT_EQ(legs.ratio_of("a", "b", "another"), 0);
    EXPECT_EQ(whole.series.size(), 6u);
    EXPECT_EQ(whole.series[1]["leg"], "b");
    EXPECT_EQ(whole.measured_s, 12);
    EXPECT_TRUE(whole.ok());
}

TEST(BenchLegs, TimesAreFiguresAsWell) {
    Result whole;
    Legs legs(whole, true);
    Result one;
    for (uint64_t us = 1; us <= 100; ++us) {
        one.times["latency"].add(us);
    }
    legs.add("a", one);
    EXPECT_DOUBLE_EQ(legs.median_of("a", "latency_p50_ms"), 0.050);
    EXPECT_DOUBLE_EQ(legs.median_of("a", "latency_p99_ms"), 0.099);
}

TEST(BenchLegs, WhatALegBreaksIsBroken) {
    Result whole;
    Legs legs(whole, true);
    Result one = leg(1);
    one.broken.emplace_back("events were lost");
    one.invalid.emplace_back("its generator was full");
    legs.add("a", one);
    legs.add("a", leg(1));
    ASSERT_EQ(whole.broken.size(), 1u);
    EXPECT_EQ(whole.broken[0], "a: events were lost");
    EXPECT_EQ(legs.invalid(), 1u);
    legs.note_invalid(": so much for it");
    EXPECT_EQ(whole.invalid,
              std::vector<std::string>{
                  "the generator was the bottleneck in 1 of 2 legs: so much for it"});
}

TEST(BenchLegs, GoodLegsAreNoReproach) {
    Result whole;
    Legs legs(whole, true);
    legs.add("a", leg(1));
    legs.note_invalid();
    EXPECT_TRUE(whole.invalid.empty());
}

} // namespace
} // namespace mr::bench
