#include "bench/load/loop.h"

#include "bench/load/clock.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace mr::bench {
namespace {

constexpr int kEventsAtOnce = 512;
constexpr int64_t kLongestSleepNs = 100 * kNsPerMs;

[[noreturn]] void failed(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

} // namespace

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)), now_(now_ns()), begun_(now_) {
    if (epoll_ < 0) {
        failed("epoll_create1");
    }
}

Loop::~Loop() {
    ::close(epoll_);
}

void Loop::add(int socket, uint32_t events, Ready& who) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &who;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) {
        failed("epoll_ctl");
    }
}

void Loop::change(int socket, uint32_t events, Ready& who) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &who;
    if (epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event) != 0) {
        failed("epoll_ctl");
    }
}

void Loop::remove(int socket, Ready& who) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, nullptr);
    removed_.push_back(&who);
}

void Loop::at(int64_t time_ns, std::function<void()> call) {
    due_.push({time_ns, timers_++, std::move(call)});
}

void Loop::run_timers() {
    while (!stopped_ && !due_.empty() && due_.top().time <= now_) {
        const std::function<void()> call = std::move(const_cast<Timer&>(due_.top()).call);
        due_.pop();
        call();
    }
}

void Loop::wait() {
    const int64_t before = now_ns();
    int64_t sleep = kLongestSleepNs;
    if (!due_.empty()) {
        sleep = std::clamp<int64_t>(due_.top().time - before, 0, kLongestSleepNs);
    }
    const timespec limit{sleep / kNsPerS, sleep % kNsPerS};
    epoll_event events[kEventsAtOnce];
    const int count = epoll_pwait2(epoll_, events, kEventsAtOnce, &limit, nullptr);
    if (count < 0 && errno != EINTR) {
        failed("epoll_pwait2");
    }
    now_ = now_ns();
    slept_ += now_ - before;
    removed_.clear();
    for (int i = 0; i < count; ++i) {
        auto* who = static_cast<Ready*>(events[i].data.ptr);
        if (std::find(removed_.begin(), removed_.end(), who) == removed_.end()) {
            who->ready(events[i].events);
        }
    }
}

void Loop::run() {
    stopped_ = false;
    while (!stopped_) {
        now_ = now_ns();
        run_timers();
        if (!stopped_) {
            wait();
        }
    }
}

double Loop::busy_share() const {
    const int64_t awake = now_ns() - begun_;
    return awake > 0 ? 1 - static_cast<double>(slept_) / static_cast<double>(awake) : 0;
}

} // namespace mr::bench
