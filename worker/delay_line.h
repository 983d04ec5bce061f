// Callbacks after one and the same delay, many at a time: a queue and one timer, where each with a
// timer of its own would cost a place in a heap and a system call. The delay is a bound: each is
// called one to two grains early, those that are due within a grain together.
#pragma once

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <memory>

namespace mr {

class Delayed {
  public:
    virtual ~Delayed() = default;
    virtual void delay_over() = 0;
};

class DelayLine : public std::enable_shared_from_this<DelayLine> {
  public:
    static constexpr std::chrono::milliseconds kGrain{2}; // a quarter of the delay at most

    static std::shared_ptr<DelayLine> make(const boost::asio::any_io_executor& executor,
                                           std::chrono::milliseconds delay);

    std::chrono::milliseconds delay() const { return delay_; }
    // Calls it back once, unless it is gone by then.
    void add(std::weak_ptr<Delayed> waiter);

  private:
    using Clock = std::chrono::steady_clock;
    struct Waiting {
        Clock::time_point due;
        std::weak_ptr<Delayed> waiter;
    };

    DelayLine(const boost::asio::any_io_executor& executor, std::chrono::milliseconds delay)
        : delay_(delay), timer_(executor) {}
    Clock::duration grain() const { return std::min<Clock::duration>(kGrain, delay_ / 4); }
    void arm();
    void call();

    std::chrono::milliseconds delay_;
    boost::asio::steady_timer timer_;
    std::deque<Waiting> queue_; // in the order of `due`
    bool armed_ = false;
};

} // namespace mr
