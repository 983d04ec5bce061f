// How fast a session's messages are looked at: a burst at once, then so many per second.
#include "worker/apps/mail_rate.h"

#include <gtest/gtest.h>

namespace mr {
namespace {

using std::chrono::milliseconds;

TEST(MailRate, ABurstAndThenAPace) {
    MailRate::Clock::time_point now{};
    MailRate rate(now);
    for (int i = 0; i < static_cast<int>(kMailBurst); ++i) {
        ASSERT_EQ(rate.pause(now), MailRate::Clock::duration::zero()) << i;
        rate.take(now);
    }
    for (int i = 0; i < 100; ++i) {
        const auto pause = rate.pause(now);
        ASSERT_GT(pause, MailRate::Clock::duration::zero());
        ASSERT_LE(pause, milliseconds(static_cast<int>(1000 / kMailPerSecond) + 1));
        now += pause;
        ASSERT_EQ(rate.pause(now), MailRate::Clock::duration::zero()) << "waited long enough";
        rate.take(now);
    }
}

TEST(MailRate, FillsUpAgainButNeverBeyondTheBurst) {
    MailRate::Clock::time_point now{};
    MailRate rate(now);
    now += std::chrono::hours(10);
    int taken = 0;
    while (rate.pause(now) == MailRate::Clock::duration::zero()) {
        rate.take(now);
        ++taken;
    }
    EXPECT_EQ(taken, static_cast<int>(kMailBurst));
    now += std::chrono::seconds(1);
    taken = 0;
    while (rate.pause(now) == MailRate::Clock::duration::zero()) {
        rate.take(now);
        ++taken;
    }
    EXPECT_EQ(taken, static_cast<int>(kMailPerSecond));
}

} // namespace
} // namespace mr
