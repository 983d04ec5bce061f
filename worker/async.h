// Signal: how one coroutine sleeps until somebody tells it to look again. It carries no data: the
// waiter checks its condition in a loop, as with a condition variable. One waiter at a time; one
// event loop, no threads.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>

namespace mr {

class Signal {
  public:
    explicit Signal(const boost::asio::any_io_executor& executor) : timer_(executor) {}

    void notify() {
        ++generation_;
        if (waited_for_) {
            timer_.cancel();
        }
    }

    // Until the next notify(). Throws operation_aborted when the coroutine is cancelled.
    boost::asio::awaitable<void> wait();

    // The same, at most for `limit`. False: nobody notified.
    boost::asio::awaitable<bool> wait_for(std::chrono::steady_clock::duration limit);

  private:
    boost::asio::awaitable<bool> sleep();

    boost::asio::steady_timer timer_;
    uint64_t generation_ = 0;
    bool waited_for_ = false; // most are told far more often than anybody waits
};

// Sleeps; throws operation_aborted when the coroutine is cancelled.
boost::asio::awaitable<void> sleep_for(std::chrono::steady_clock::duration time);

} // namespace mr
