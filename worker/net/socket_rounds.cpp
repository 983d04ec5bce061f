#include "worker/net/socket_rounds.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace mr::net {

namespace asio = boost::asio;

namespace {

// What is waited for, beside the socket it is waited for at.
std::uint64_t packed(int fd, std::uint32_t wanted) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(fd)) |
           static_cast<std::uint64_t>(wanted) << 32U;
}

int make_epoll() {
    const int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) {
        throw std::system_error(errno, std::generic_category(), "epoll_create1");
    }
    return fd;
}

constexpr std::chrono::duration<unsigned, std::milli> kUnacknowledgedLimit{20'000};

} // namespace

void expect_acknowledgements(int fd) {
    const unsigned limit_ms = kUnacknowledgedLimit.count();
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof limit_ms);
}

std::shared_ptr<SocketRounds> SocketRounds::make(const asio::any_io_executor& executor,
                                                 Ready ready) {
    return std::shared_ptr<SocketRounds>(new SocketRounds(executor, std::move(ready)));
}

SocketRounds::SocketRounds(const asio::any_io_executor& executor, Ready ready)
    : executor_(executor), ready_(std::move(ready)), epoll_(executor, make_epoll()),
      interval_(executor) {}

bool SocketRounds::watch(int fd, bool to_read, bool to_write) {
    const bool wanted = to_read || to_write;
    const bool known = watched_.contains(fd);
    if (!wanted && known) {
        watched_.erase(fd);
        epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
        if (watched_.empty()) { // nothing keeps the loop going then
            epoll_.cancel();
            interval_.cancel();
        }
    }
    if (!wanted) {
        return true;
    }
    epoll_event event{};
    event.events = (to_read ? EPOLLIN : 0U) | (to_write ? EPOLLOUT : 0U);
    event.data.u64 = packed(fd, event.events);
    const int operation = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(epoll_.native_handle(), operation, fd, &event) != 0) {
        return false;
    }
    watched_.insert(fd);
    arm();
    return true;
}

void SocketRounds::arm() {
    if (waiting_ || watched_.empty()) {
        return;
    }
    waiting_ = true;
    const auto ready = [weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (self == nullptr) {
            return;
        }
        self->waiting_ = false;
        if (!error) {
            self->look();
        }
        self->arm();
    };
    const auto next = looked_ + kLookInterval;
    if (in_round_) {
        asio::post(executor_, [ready] { ready({}); });
    } else if (watched_.size() >= kManySockets && next > std::chrono::steady_clock::now()) {
        interval_.expires_at(next);
        interval_.async_wait(ready);
    } else {
        epoll_.async_wait(asio::posix::stream_descriptor::wait_read, ready);
    }
}

// A round serves all that are ready, in several turns of the loop if they are many. One that finds
// none is no round: the next socket that is ready is waited for then.
void SocketRounds::look() {
    const auto now = std::chrono::steady_clock::now();
    const bool begins = !in_round_;
    const std::size_t served = serve();
    in_round_ = served == kSocketsPerTurn;
    if (begins && served > 0) {
        looked_ = now;
    }
}

// Some of those that are ready. How many.
std::size_t SocketRounds::serve() {
    std::array<epoll_event, kSocketsPerTurn> events{};
    const int count =
        epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        const auto wanted = static_cast<std::uint32_t>(event.data.u64 >> 32U);
        const bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0; // reading or writing tells
        const std::uint32_t may = broken ? wanted : event.events & wanted;
        ready_(static_cast<int>(event.data.u64 & UINT32_MAX), (may & EPOLLIN) != 0,
               (may & EPOLLOUT) != 0);
    }
    return static_cast<std::size_t>(std::max(count, 0));
}

} // namespace mr::net
