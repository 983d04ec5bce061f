#include "tests/emulator/exchange.h"

#include "tests/emulator/carrier.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace mr::emulator {

namespace asio = boost::asio;

const std::string* Request::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (key == name) {
            return &value;
        }
    }
    return nullptr;
}

Exchange::Taken Exchange::take_over(std::shared_ptr<Carrier>) {
    return {};
}

asio::awaitable<bool> Exchange::pause_until(Clock::time_point time) {
    while (!gone_at_ && Clock::now() < time) {
        timer_.expires_at(time);
        boost::system::error_code ignored;
        co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    co_return !gone_at_;
}

asio::awaitable<bool> Exchange::room(std::size_t left) {
    while (!gone_at_ && unsent() > left) {
        waits(true);
        timer_.expires_at(Clock::time_point::max());
        boost::system::error_code ignored;
        co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    waits(false);
    co_return !gone_at_;
}

void Exchange::went_away() {
    if (!gone_at_) {
        sent_then_ = sent_bytes();
        gone_at_ = Clock::now();
        timer_.cancel();
        if (on_gone) {
            on_gone();
        }
    }
}

} // namespace mr::emulator
