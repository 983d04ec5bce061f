// What of a log has outlived its window.
#include "worker/session/log_marks.h"

#include <gtest/gtest.h>

namespace mr {
namespace {

using std::chrono::minutes;

TEST(LogMarks, OnlyWhatIsOlderThanTheWindowExpires) {
    LogMarks::Clock::time_point now{};
    LogMarks marks;
    EXPECT_EQ(marks.take_expired(now, minutes(7)), EventId{});
    for (uint64_t minute = 0; minute < 20; ++minute, now += minutes(1)) {
        marks.add(now, {5, 100 * minute});
        const EventId expired = marks.take_expired(now, minutes(7));
        const EventId expected = minute >= 8 ? EventId{5, 100 * (minute - 8)} : EventId{};
        EXPECT_EQ(expired, expected) << "minute " << minute;
        EXPECT_EQ(marks.take_expired(now, minutes(7)), EventId{}) << "once only";
    }
}

TEST(LogMarks, AGapInTimeExpiresAllOfIt) {
    LogMarks marks;
    LogMarks::Clock::time_point now{};
    for (uint64_t i = 1; i <= 5; ++i) {
        marks.add(now, {5, i});
    }
    EXPECT_EQ(marks.take_expired(now + minutes(60), minutes(7)), (EventId{5, 5}));
}

TEST(LogMarks, TheirNumberIsBounded) {
    LogMarks marks;
    const LogMarks::Clock::time_point now{};
    for (uint64_t i = 1; i <= kMaxLogMarks; ++i) {
        marks.add(now, {5, i});
    }
    EXPECT_EQ(marks.take_expired(now, minutes(7)), EventId{});
    marks.add(now, {5, kMaxLogMarks + 1});
    EXPECT_EQ(marks.take_expired(now, minutes(7)), (EventId{5, 1}));
}

} // namespace
} // namespace mr
