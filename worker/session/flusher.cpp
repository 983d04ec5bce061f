#include "worker/session/flusher.h"

#include "worker/session/lease.h"
#include "worker/session/out_lane.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

namespace mr {

namespace asio = boost::asio;

namespace {

constexpr size_t kCacheLineBytes = 64;
constexpr size_t kAhead = 3; // lanes

// Of a thousand lanes each has been left alone for long: its memory is on its way while others are
// written.
void fetch_ahead(const OutLane* lane) {
    if (lane == nullptr) {
        return;
    }
    const auto* bytes = reinterpret_cast<const char*>(lane);
    for (size_t at = 0; at < sizeof(OutLane); at += kCacheLineBytes) {
        __builtin_prefetch(bytes + at);
    }
}

} // namespace

std::shared_ptr<Flusher> Flusher::make(const asio::any_io_executor& executor,
                                       std::shared_ptr<redis::Connection> commands, Lease& lease) {
    auto flusher = std::shared_ptr<Flusher>(new Flusher(executor, std::move(commands), lease));
    flusher->commands_->on_change([weak = std::weak_ptr<Flusher>(flusher)](bool ready) {
        const auto self = weak.lock();
        if (self == nullptr) {
            return;
        }
        if (!ready) {
            self->replicas_.lost();
            self->role_refused_ = false;
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
    std::replace(flushing_.begin(), flushing_.end(), lane, static_cast<OutLane*>(nullptr));
}

void Flusher::mark(OutLane* lane) {
    marked_.push_back(lane);
    schedule();
}

void Flusher::flush_now(OutLane* lane) {
    std::erase(marked_, lane);
    lane->flush();
}

std::chrono::steady_clock::time_point Flusher::replicated_before() {
    const auto now = std::chrono::steady_clock::now();
    if (now - looked_at_replicas_ >= kRoleInterval && !role_refused_) {
        look_at_replicas(now);
    }
    return replicas_.have_all_before();
}

void Flusher::look_at_replicas(std::chrono::steady_clock::time_point now) {
    looked_at_replicas_ = now;
    const std::string_view role[] = {"ROLE"};
    commands_->send(role, [self = shared_from_this(), now](const redis::Answer& answer) {
        if (answer.ok()) {
            self->replicas_.heard(now, *answer.reply);
        } else if (answer.reply != nullptr) {
            self->role_refused_ = true;
        }
    });
}

void Flusher::schedule() {
    if (scheduled_) {
        return;
    }
    scheduled_ = true;
    auto self = shared_from_this();
    const auto due = last_flush_ + kFlushInterval;
    if (std::chrono::steady_clock::now() >= due - kFlushSlack) {
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
    commands_->take_answers(); // of the last time, while this process is awake anyway
    flushing_.swap(marked_);
    for (size_t i = 0; i < flushing_.size(); ++i) {
        if (i + kAhead < flushing_.size()) {
            fetch_ahead(flushing_[i + kAhead]);
        }
        if (flushing_[i] != nullptr) {
            flushing_[i]->flush();
        }
    }
    flushing_.clear();
}

} // namespace mr
