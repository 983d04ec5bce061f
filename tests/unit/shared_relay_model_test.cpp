// Property: whatever crashes, freezes or is cut, every session sees each event once and in order,
// and nothing is left in Redis. And the judge can fail: without the delivery filter it does.
#include "tests/unit/redis_fixture.h"
#include "tests/unit/shared_relay_model.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace mr::test {
namespace {

ModelReport run(ModelOptions options) {
    RedisFixture redis;
    options.socket_path = redis.socket_path();
    const ModelReport report = run_relay_model(options);
    std::printf("seed %u: %llu events delivered, %d crashes, %d freezes, %d cuts, %d takeovers, "
                "%d fenced, %d subscriptions killed, %d publications dropped, %d log reads\n",
                options.seed, static_cast<unsigned long long>(report.delivered), report.crashes,
                report.freezes, report.cuts, report.takeovers, report.fenced,
                report.subscriber_kills, report.dropped, report.log_reads);
    return report;
}

void expect_clean(const ModelReport& report) {
    for (const std::string& violation : report.violations) {
        ADD_FAILURE() << violation;
    }
}

TEST(RelayModel, ExactlyOnceWithoutFaults) {
    ModelOptions options;
    options.faults = false;
    expect_clean(run(options));
}

class RelayModelFaults : public testing::TestWithParam<uint32_t> {};

TEST_P(RelayModelFaults, ExactlyOnceInOrder) {
    ModelOptions options;
    options.seed = GetParam();
    const ModelReport report = run(options);
    expect_clean(report);
    // The run proves nothing unless the faults really happened.
    EXPECT_GT(report.crashes, 0);
    EXPECT_GT(report.freezes, 0);
    EXPECT_GT(report.takeovers, 0);
    EXPECT_GT(report.subscriber_kills, 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RelayModelFaults, testing::Values(1U, 2U, 3U));

TEST(RelayModel, TheJudgeCatchesAGatewayWithoutTheDeliveryFilter) {
    ModelOptions options;
    options.delivery_filter = false;
    options.deadline_s = 20;
    EXPECT_FALSE(run(options).violations.empty());
}

} // namespace
} // namespace mr::test
