#include "worker/delay_line.h"

#include <utility>

namespace mr {

std::shared_ptr<DelayLine> DelayLine::make(const boost::asio::any_io_executor& executor,
                                           std::chrono::milliseconds delay) {
    return std::shared_ptr<DelayLine>(new DelayLine(executor, delay));
}

void DelayLine::add(std::weak_ptr<Delayed> waiter) {
    queue_.push_back({Clock::now() + delay_ - grain(), std::move(waiter)});
    if (!armed_) {
        arm();
    }
}

void DelayLine::arm() {
    armed_ = true;
    timer_.expires_at(queue_.front().due);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (!error && self != nullptr) {
            self->call();
        }
    });
}

void DelayLine::call() {
    const Clock::time_point until = Clock::now() + grain();
    while (!queue_.empty() && queue_.front().due <= until) {
        const auto waiter = queue_.front().waiter.lock();
        queue_.pop_front();
        if (waiter != nullptr) {
            waiter->delay_over(); // may add itself again, behind the others
        }
    }
    armed_ = false;
    if (!queue_.empty()) {
        arm();
    }
}

} // namespace mr
