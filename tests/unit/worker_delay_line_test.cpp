#include "tests/unit/worker_loop.h"
#include "worker/delay_line.h"

#include <gtest/gtest.h>

namespace mr::test {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

struct Waiter final : Delayed {
    Waiter(int waiter_name, std::vector<int>& waiters_called)
        : name(waiter_name), called(waiters_called) {}
    void delay_over() override {
        called.push_back(name);
        if (again != nullptr) {
            std::exchange(again, nullptr)->add(self);
        }
    }

    int name;
    std::vector<int>& called;
    DelayLine* again = nullptr; // to be waited for once more
    std::weak_ptr<Delayed> self;
};

class DelayLineTest : public testing::Test {
  protected:
    std::shared_ptr<Waiter> waiter() {
        waiters_.push_back(std::make_shared<Waiter>(static_cast<int>(waiters_.size()), called_));
        waiters_.back()->self = waiters_.back();
        return waiters_.back();
    }
    void run_until_called(std::size_t count) {
        loop_.context.restart();
        const auto end = Clock::now() + std::chrono::seconds(10);
        while (called_.size() < count && Clock::now() < end) {
            loop_.context.run_one_for(milliseconds(20));
        }
        ASSERT_EQ(called_.size(), count);
    }

    Loop loop_;
    std::vector<int> called_;
    std::vector<std::shared_ptr<Waiter>> waiters_;
};

TEST_F(DelayLineTest, CallsAllInOrderNeverMuchTooEarly) {
    const auto line = DelayLine::make(loop_.executor(), milliseconds(40));
    const auto begin = Clock::now();
    for (int i = 0; i < 5; ++i) {
        line->add(waiter());
    }
    run_until_called(5);
    EXPECT_GE(Clock::now() - begin, milliseconds(40) - 2 * DelayLine::kGrain);
    EXPECT_EQ(called_, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(DelayLineTest, WhoIsGoneIsNotCalled) {
    const auto line = DelayLine::make(loop_.executor(), milliseconds(5));
    line->add(waiter());
    line->add(waiter());
    line->add(waiter());
    waiters_[1].reset();
    run_until_called(2);
    EXPECT_EQ(called_, (std::vector<int>{0, 2}));
}

TEST_F(DelayLineTest, WhoIsCalledMayWaitAgain) {
    const auto line = DelayLine::make(loop_.executor(), milliseconds(5));
    const auto first = waiter();
    first->again = line.get();
    line->add(first);
    line->add(waiter());
    run_until_called(3);
    EXPECT_EQ(called_, (std::vector<int>{0, 1, 0}));
}

TEST_F(DelayLineTest, MayDieWhileSomebodyWaits) {
    auto line = DelayLine::make(loop_.executor(), milliseconds(5));
    line->add(waiter());
    line.reset();
    loop_.context.restart();
    loop_.context.run_for(milliseconds(50));
    EXPECT_TRUE(called_.empty());
}

} // namespace
} // namespace mr::test
