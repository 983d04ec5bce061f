#include "worker/session/flusher.h"

#include "worker/session/lease.h"
#include "worker/session/out_lane.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

namespace mr {

namespace asio = boost::asio;

std::shared_ptr<Flusher> Flusher::make(const asio::any_io_executor& executor,
                                       std::shared_ptr<redis::Connection> commands, Lease& lease) {
    auto flusher = std::shared_ptr<Flusher>(new Flusher(executor, std::move(commands), lease));
    flusher->commands_->on_change([weak = std::weak_ptr<Flusher>(flusher)](bool ready) {
        const auto self = weak.lock();
        if (self == nullptr) {
            return;
        }
        const std::vector<OutLane*> lanes(self->lanes_.begin(), self->lanes_.end());
        for (OutLane* lane : lanes) {
            if (self->lanes_.contains(lane)) {
                ready ? lane->connected() : lane->disconnected();
            }
        }
    });
    return flusher;
}

Flusher::Flusher(const asio::any_io_executor& executor, std::shared_ptr<redis::Connection> commands,
                 Lease& lease)
    : commands_(std::move(commands)), lease_(lease), timer_(executor) {}

bool Flusher::allowed() const {
    return lease_.valid();
}

void Flusher::remove(OutLane* lane) {
    lanes_.erase(lane);
    std::erase(marked_, lane);
}

void Flusher::mark(OutLane* lane) {
    marked_.push_back(lane);
    schedule();
}

void Flusher::flush_now(OutLane* lane) {
    std::erase(marked_, lane);
    lane->flush();
}

void Flusher::schedule() {
    if (scheduled_) {
        return;
    }
    scheduled_ = true;
    auto self = shared_from_this();
    const auto due = last_flush_ + kFlushInterval;
    if (due <= std::chrono::steady_clock::now()) {
        asio::post(timer_.get_executor(), [self] { self->flush(); });
        return;
    }
    timer_.expires_at(due);
    timer_.async_wait([self](boost::system::error_code error) {
        if (!error) {
            self->flush();
        }
    });
}

void Flusher::flush() {
    scheduled_ = false;
    last_flush_ = std::chrono::steady_clock::now();
    std::vector<OutLane*> lanes;
    lanes.swap(marked_);
    for (OutLane* lane : lanes) {
        if (lanes_.contains(lane)) {
            lane->flush();
        }
    }
}

} // namespace mr
