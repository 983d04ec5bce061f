#include "worker/providers/scripted/pacer.h"

#include <algorithm>
#include <utility>

namespace mr::scripted {

std::shared_ptr<Pacer> Pacer::make(const boost::asio::any_io_executor& executor) {
    return std::shared_ptr<Pacer>(new Pacer(executor));
}

void Pacer::at(Clock::time_point when, Paced* paced) {
    ticks_[std::chrono::ceil<std::chrono::milliseconds>(when)].push_back(paced);
    arm();
}

void Pacer::forget(Paced* paced) {
    std::replace(now_.begin(), now_.end(), paced, static_cast<Paced*>(nullptr));
    for (auto& [tick, waiting] : ticks_) {
        std::erase(waiting, paced);
    }
}

void Pacer::arm() {
    if (ticks_.empty() || ticks_.begin()->first >= armed_) {
        return;
    }
    armed_ = ticks_.begin()->first;
    timer_.expires_at(armed_);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (!error && self != nullptr) {
            self->call();
        }
    });
}

void Pacer::call() {
    // What is asked for a moment that has passed comes with the next turn of the loop.
    const Clock::time_point until = Clock::now();
    while (!ticks_.empty() && ticks_.begin()->first <= until) {
        const std::vector<Paced*>& tick = ticks_.begin()->second;
        now_.insert(now_.end(), tick.begin(), tick.end());
        ticks_.erase(ticks_.begin());
    }
    armed_ = Tick::min(); // armed once, behind all of them
    for (size_t i = 0; i < now_.size(); ++i) {
        if (now_[i] != nullptr) {
            now_[i]->due();
        }
    }
    now_.clear();
    armed_ = Tick::max();
    arm();
}

} // namespace mr::scripted
