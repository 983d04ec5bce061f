#include "worker/redis/quiet_socket.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <utility>

namespace mr::redis {

namespace asio = boost::asio;

namespace {

constexpr int kNone = -1;

boost::system::error_code last_error() {
    return {errno, boost::system::system_category()};
}

bool for_the_moment() {
    return errno == EAGAIN || errno == EWOULDBLOCK; // never EINTR: nothing here blocks
}

int new_epoll() {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) {
        throw boost::system::system_error(last_error(), "epoll_create1");
    }
    return epoll;
}

} // namespace

std::shared_ptr<QuietSocket> QuietSocket::make(const asio::any_io_executor& executor, int socket) {
    auto made = std::shared_ptr<QuietSocket>(new QuietSocket(executor, socket));
    epoll_event all{};
    if (epoll_ctl(made->epoll_.native_handle(), EPOLL_CTL_ADD, socket, &all) != 0) {
        throw boost::system::system_error(last_error(), "epoll_ctl");
    }
    made->set_interest();
    made->wait();
    return made;
}

QuietSocket::QuietSocket(const asio::any_io_executor& executor, int socket)
    : socket_(socket), epoll_(executor), readable_(executor) {
    epoll_.assign(new_epoll());
}

QuietSocket::~QuietSocket() {
    close();
}

asio::awaitable<std::size_t> QuietSocket::read_some(std::span<std::uint8_t> into) {
    auto self = shared_from_this();
    for (;;) {
        const std::size_t count = read_now(into);
        if (count > 0) {
            co_return count;
        }
        co_await readable_.wait();
    }
}

std::size_t QuietSocket::read_now(std::span<std::uint8_t> into) {
    if (socket_ == kNone) {
        throw boost::system::system_error(asio::error::operation_aborted);
    }
    const ssize_t count = recv(socket_, into.data(), into.size(), MSG_DONTWAIT);
    if (count > 0) {
        return static_cast<std::size_t>(count);
    }
    if (count == 0) {
        throw boost::system::system_error(asio::error::eof);
    }
    if (!for_the_moment()) {
        throw boost::system::system_error(last_error());
    }
    return 0;
}

void QuietSocket::write(std::span<const std::uint8_t> bytes, Done done) {
    unwritten_ = bytes;
    done_ = std::move(done);
    write_on();
}

void QuietSocket::write_on() {
    while (!unwritten_.empty()) {
        const ssize_t count =
            send(socket_, unwritten_.data(), unwritten_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0) {
            unwritten_ = unwritten_.subspan(static_cast<std::size_t>(count));
        } else if (for_the_moment()) {
            full_ = true;
            set_interest();
            return;
        } else {
            end_write(last_error());
            return;
        }
    }
    end_write({});
}

void QuietSocket::end_write(boost::system::error_code error) {
    full_ = false;
    set_interest();
    unwritten_ = {};
    const Done done = std::exchange(done_, nullptr);
    if (done) {
        done(error);
    }
}

void QuietSocket::be_quiet(bool quiet) {
    quiet_ = quiet;
    set_interest();
}

// Edges: each arrival is told once, and whoever reads does so until nothing is there.
void QuietSocket::set_interest() {
    const std::uint32_t wanted = EPOLLET | (quiet_ ? 0U : EPOLLIN) | (full_ ? EPOLLOUT : 0U);
    if (socket_ == kNone || wanted == interest_) {
        return;
    }
    interest_ = wanted;
    epoll_event event{};
    event.events = wanted;
    epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, socket_, &event);
}

void QuietSocket::wait() {
    epoll_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [weak = weak_from_this()](boost::system::error_code error) {
                          const auto self = weak.lock();
                          if (!error && self != nullptr && self->socket_ != kNone) {
                              self->woken();
                          }
                      });
}

void QuietSocket::woken() {
    epoll_event event{};
    if (epoll_wait(epoll_.native_handle(), &event, 1, 0) == 1) {
        readable_.notify();
        if (full_ && (event.events & ~std::uint32_t{EPOLLIN}) != 0) {
            write_on();
        }
    }
    if (socket_ != kNone) {
        wait();
    }
}

void QuietSocket::close() {
    if (socket_ == kNone) {
        return;
    }
    boost::system::error_code ignored;
    epoll_.close(ignored);
    ::close(std::exchange(socket_, kNone));
    readable_.notify();
    if (done_) {
        asio::post(epoll_.get_executor(), [done = std::exchange(done_, nullptr)] {
            done(asio::error::operation_aborted);
        });
    }
}

} // namespace mr::redis
