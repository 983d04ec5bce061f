#include "worker/async.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace mr {

namespace asio = boost::asio;

asio::awaitable<bool> Signal::sleep() {
    const uint64_t before = generation_;
    waited_for_ = true;
    auto result = co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    waited_for_ = false;
    if (generation_ != before) {
        co_return true;
    }
    if (std::get<0>(result)) {
        throw boost::system::system_error(asio::error::operation_aborted);
    }
    co_return false;
}

asio::awaitable<void> Signal::wait() {
    timer_.expires_at(std::chrono::steady_clock::time_point::max());
    co_await sleep();
}

// No coroutine of its own: its frame would lie there as long as the other sleeps.
asio::awaitable<bool> Signal::wait_for(std::chrono::steady_clock::duration limit) {
    timer_.expires_after(limit);
    return sleep();
}

asio::awaitable<void> sleep_for(std::chrono::steady_clock::duration time) {
    auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, time);
    co_await timer.async_wait(asio::use_awaitable);
}

} // namespace mr
