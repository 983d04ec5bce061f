// One timer that calls many back (worker/providers/scripted/pacer.h).
#include "tests/unit/worker_loop.h"
#include "worker/providers/scripted/pacer.h"

#include <gtest/gtest.h>

namespace mr::scripted {
namespace {

using Clock = Pacer::Clock;
using std::chrono::milliseconds;

class PacerTest : public testing::Test {
  protected:
    struct Waiter final : Paced {
        explicit Waiter(PacerTest& pacer_test) : test(pacer_test) {}
        void due() override {
            test.called_.emplace_back(this, Clock::now());
            if (then) {
                then();
            }
        }
        PacerTest& test;
        std::function<void()> then;
    };

    void run_until_called(size_t count) {
        loop_.context.restart();
        const auto end = Clock::now() + std::chrono::seconds(10);
        while (called_.size() < count && Clock::now() < end) {
            loop_.context.run_one_for(milliseconds(20));
        }
        ASSERT_EQ(called_.size(), count);
    }

    test::Loop loop_;
    std::shared_ptr<Pacer> pacer_ = Pacer::make(loop_.executor());
    std::vector<std::pair<Waiter*, Clock::time_point>> called_;
};

TEST_F(PacerTest, CallsEachInTheOrderOfItsMomentAndNeverBefore) {
    Waiter late(*this), early(*this), second(*this);
    const auto begin = Clock::now();
    pacer_->at(begin + milliseconds(30), &late);
    pacer_->at(begin + milliseconds(10), &early);
    pacer_->at(begin + milliseconds(10), &second);
    run_until_called(3);
    EXPECT_EQ(called_[0].first, &early);
    EXPECT_EQ(called_[1].first, &second);
    EXPECT_EQ(called_[2].first, &late);
    EXPECT_GE(called_[0].second, begin + milliseconds(10));
    EXPECT_GE(called_[2].second, begin + milliseconds(30));
}

TEST_F(PacerTest, WhoIsForgottenIsNotCalled) {
    Waiter first(*this), gone(*this), gone_by_the_first(*this), last(*this);
    const auto when = Clock::now() + milliseconds(5);
    for (Waiter* waiter : {&first, &gone, &gone_by_the_first}) {
        pacer_->at(when, waiter);
    }
    pacer_->at(when + milliseconds(10), &last);
    pacer_->forget(&gone);
    first.then = [&] { pacer_->forget(&gone_by_the_first); };
    run_until_called(2);
    EXPECT_EQ(called_[0].first, &first);
    EXPECT_EQ(called_[1].first, &last);
}

TEST_F(PacerTest, AMomentThatHasPassedComesAtOnceButLetsTheOthersPass) {
    Waiter again(*this), other(*this);
    const auto past = Clock::now() - milliseconds(5);
    again.then = [&] {
        if (called_.size() == 1) {
            pacer_->at(past, &again);
        }
    };
    pacer_->at(past, &again);
    pacer_->at(past, &other);
    run_until_called(3);
    EXPECT_EQ(called_[0].first, &again);
    EXPECT_EQ(called_[1].first, &other);
    EXPECT_EQ(called_[2].first, &again);
}

TEST_F(PacerTest, AnEarlierMomentIsNotHeldUpByALaterOne) {
    Waiter hours(*this), soon(*this);
    pacer_->at(Clock::now() + std::chrono::hours(5), &hours);
    pacer_->at(Clock::now() + milliseconds(5), &soon);
    run_until_called(1);
    EXPECT_EQ(called_[0].first, &soon);
}

} // namespace
} // namespace mr::scripted
