#include "worker/net/h1_pool.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <cerrno>
#include <utility>

namespace mr::net {

namespace asio = boost::asio;

namespace {

std::string place_of(const H1Transfer& transfer) {
    const StreamTarget& target = transfer.target().target;
    return target.host + " " + std::to_string(target.port);
}

// It has neither been closed by the server nor told something that nobody asked for.
bool alive(const H1Socket& socket) {
    char byte = 0;
    const ssize_t size = recv(socket.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void expect_life(int fd) {
    const int seconds = kKeepAliveInterval.count();
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
}

// A connection that is being made, and who waits for it. It ends as well when nobody does.
struct Opening {
    Opening(const asio::any_io_executor& executor, StreamTarget target)
        : stream(make_stream(executor, std::move(target), nullptr)), told(executor) {}

    std::unique_ptr<ByteStream> stream;
    Signal told;
    std::exception_ptr error;
    bool over = false;
};

class ClosedUnlessOver {
  public:
    explicit ClosedUnlessOver(std::shared_ptr<Opening> opening) : opening_(std::move(opening)) {}
    ~ClosedUnlessOver() {
        if (!opening_->over) {
            opening_->stream->close();
        }
    }
    ClosedUnlessOver(const ClosedUnlessOver&) = delete;
    ClosedUnlessOver& operator=(const ClosedUnlessOver&) = delete;

  private:
    std::shared_ptr<Opening> opening_;
};

} // namespace

std::shared_ptr<H1Pool> H1Pool::make(const asio::any_io_executor& executor) {
    auto pool = std::shared_ptr<H1Pool>(new H1Pool(executor));
    pool->sockets_ = SocketRounds::make(
        executor, [weak = pool->weak_from_this()](int fd, bool to_read, bool to_write) {
            if (const auto self = weak.lock()) {
                self->ready(fd, to_read, to_write);
            }
        });
    return pool;
}

asio::awaitable<void> H1Pool::run(std::shared_ptr<H1Transfer> transfer) {
    const auto self = shared_from_this();
    const std::string place = place_of(*transfer);
    H1Socket socket = take_idle(place);
    bool done = false;
    if (socket.open()) {
        done = co_await transfer->run(std::move(socket), true);
    }
    if (!done) {
        const int fd = co_await connect(*transfer);
        co_await transfer->run(H1Socket(fd), false);
    }
    keep(place, transfer->take_socket());
}

// Beside the coroutine that waits: a name lookup that is given up ends when it ends.
asio::awaitable<int> H1Pool::connect(const H1Transfer& transfer) {
    const auto opening = std::make_shared<Opening>(executor_, transfer.target().target);
    const ClosedUnlessOver closed(opening);
    asio::co_spawn(
        executor_, [opening] { return opening->stream->connect(); },
        [opening](std::exception_ptr error) {
            opening->error = std::move(error);
            opening->over = true;
            opening->told.notify();
        });
    const auto until = Clock::now() + transfer.request().timeouts.connect;
    while (!opening->over) {
        const auto left = until - Clock::now();
        if (left <= Clock::duration::zero()) {
            transfer.intake().fail(HttpFault::timeout, kNoConnection, HttpCause::no_answer);
        }
        co_await opening->told.wait_for(left);
    }
    if (opening->error) {
        transfer.intake().fail_to_connect(opening->error);
    }
    const int fd = opening->stream->release();
    expect_acknowledgements(fd);
    expect_life(fd);
    co_return fd;
}

// ---- kept connections

H1Socket H1Pool::take_idle(const std::string& place) {
    const auto oldest = Clock::now() - kIdleSocketKept;
    std::erase_if(idle_, [oldest](const Idle& one) { return one.since < oldest; });
    for (;;) {
        const auto found = std::find_if(idle_.rbegin(), idle_.rend(),
                                        [&place](const Idle& one) { return one.place == place; });
        if (found == idle_.rend()) {
            return H1Socket();
        }
        H1Socket socket = std::move(found->socket);
        idle_.erase(std::next(found).base());
        if (alive(socket)) {
            return socket;
        }
    }
}

void H1Pool::keep(std::string place, H1Socket socket) {
    if (!socket.open()) {
        return;
    }
    idle_.push_back({std::move(place), std::move(socket), Clock::now()});
    if (idle_.size() > kMaxIdleSockets) {
        idle_.pop_front();
    }
}

// ---- sockets of transfers

bool H1Pool::watch(int fd, H1Transfer* transfer, bool to_read, bool to_write) {
    if (transfer == nullptr) {
        watching_.erase(fd);
    } else {
        watching_[fd] = transfer;
    }
    return sockets_->watch(fd, to_read, to_write);
}

void H1Pool::ready(int fd, bool to_read, bool to_write) {
    const auto found = watching_.find(fd);
    if (found != watching_.end()) {
        found->second->ready(to_read, to_write);
    }
}

} // namespace mr::net
