#include "worker/net/curl_loop.h"

#include "worker/net/transfer.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace mr::net {

namespace asio = boost::asio;

namespace {

// What is waited for, beside the socket it is waited for at.
std::uint64_t packed(curl_socket_t fd, int what) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(fd)) |
           static_cast<std::uint64_t>(what) << 32U;
}
curl_socket_t fd_of(std::uint64_t data) {
    return static_cast<curl_socket_t>(data & UINT32_MAX);
}
int what_of(std::uint64_t data) {
    return static_cast<int>(data >> 32U);
}

int make_epoll() {
    const int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) {
        throw std::system_error(errno, std::generic_category(), "epoll_create1");
    }
    return fd;
}

} // namespace

CurlCaches::CurlCaches() : share_(nullptr) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (ready != CURLE_OK) {
        throw std::runtime_error(std::string("libcurl: ") + curl_easy_strerror(ready));
    }
    share_ = curl_share_init();
    if (share_ == nullptr) {
        throw std::bad_alloc();
    }
    curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
}

CurlCaches::~CurlCaches() {
    curl_share_cleanup(share_);
}

std::shared_ptr<CurlLoop> CurlLoop::make(const asio::any_io_executor& executor,
                                         std::shared_ptr<CurlCaches> caches) {
    return std::shared_ptr<CurlLoop>(new CurlLoop(executor, std::move(caches)));
}

CurlLoop::CurlLoop(const asio::any_io_executor& executor, std::shared_ptr<CurlCaches> caches)
    : executor_(executor), caches_(std::move(caches)), multi_(curl_multi_init()), timer_(executor),
      ready_(executor, make_epoll()), interval_(executor) {
    if (multi_ == nullptr) {
        throw std::bad_alloc();
    }
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlLoop::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlLoop::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

// No transfer is left: each holds this object.
CurlLoop::~CurlLoop() {
    for (CURL* handle : pool_) {
        curl_easy_cleanup(handle);
    }
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, nullptr);
    curl_multi_cleanup(multi_); // closes the connections kept, by way of on_socket
}

// ---- handles

CURL* CurlLoop::take_handle() {
    if (pool_.empty()) {
        CURL* made = curl_easy_init();
        if (made != nullptr) {
            curl_easy_setopt(made, CURLOPT_SHARE, caches_->get()); // stays over a reset
        }
        return made;
    }
    CURL* handle = pool_.back();
    pool_.pop_back();
    return handle;
}

void CurlLoop::give_back(CURL* handle) {
    if (pool_.size() >= kMaxPooledHandles) {
        curl_easy_cleanup(handle);
        return;
    }
    curl_easy_reset(handle);
    pool_.push_back(handle);
}

bool CurlLoop::start(CURL* handle) {
    const bool started = curl_multi_add_handle(multi_, handle) == CURLM_OK;
    transfers_ += started ? 1U : 0U;
    return started;
}

void CurlLoop::remove(CURL* handle) {
    curl_multi_remove_handle(multi_, handle);
    --transfers_;
}

void CurlLoop::unpause(CURL* handle) {
    curl_easy_pause(handle, CURLPAUSE_CONT);
    collect();
}

// ---- what curl asks for

int CurlLoop::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) noexcept {
    return static_cast<CurlLoop*>(self)->watch(fd, what) ? 0 : -1;
}

int CurlLoop::on_timer(CURLM*, long timeout_ms, void* self) noexcept {
    static_cast<CurlLoop*>(self)->set_timer(timeout_ms);
    return 0;
}

// False: the system has no room for it.
bool CurlLoop::watch(curl_socket_t fd, int what) {
    const bool wanted = what == CURL_POLL_IN || what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
    const bool known = watched_.contains(fd);
    if (!wanted && known) {
        watched_.erase(fd);
        epoll_ctl(ready_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
        if (watched_.empty()) { // nothing keeps the loop going then
            ready_.cancel();
            interval_.cancel();
        }
    }
    if (!wanted) {
        return true;
    }
    epoll_event event{};
    event.events =
        ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
    event.data.u64 = packed(fd, what);
    const int operation = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(ready_.native_handle(), operation, fd, &event) != 0) {
        return false;
    }
    watched_.insert(fd);
    arm();
    return true;
}

void CurlLoop::arm() {
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
    } else if (transfers_ >= kManyTransfers && next > std::chrono::steady_clock::now()) {
        interval_.expires_at(next);
        interval_.async_wait(ready);
    } else {
        ready_.async_wait(asio::posix::stream_descriptor::wait_read, ready);
    }
}

// A round serves all that are ready, in several turns of the loop if they are many. One that finds
// none is no round: the next socket that is ready is waited for then.
void CurlLoop::look() {
    const auto now = std::chrono::steady_clock::now();
    const bool begins = !in_round_;
    const std::size_t served = serve();
    in_round_ = served == kSocketsPerTurn;
    if (begins && served > 0) {
        looked_ = now;
    }
}

// Some of those that are ready. How many. A socket that is gone by the time its turn comes is
// nothing to curl.
std::size_t CurlLoop::serve() {
    std::array<epoll_event, kSocketsPerTurn> events{};
    const int count =
        epoll_wait(ready_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        const int what = what_of(event.data.u64);
        const bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0; // reading or writing tells
        int bits = 0;
        if ((what & CURL_POLL_IN) != 0 && (broken || (event.events & EPOLLIN) != 0)) {
            bits |= CURL_CSELECT_IN;
        }
        if ((what & CURL_POLL_OUT) != 0 && (broken || (event.events & EPOLLOUT) != 0)) {
            bits |= CURL_CSELECT_OUT;
        }
        act(fd_of(event.data.u64), bits);
    }
    return static_cast<std::size_t>(std::max(count, 0));
}

// Negative: no timer. curl must not be called from inside, not even for 0.
void CurlLoop::set_timer(long timeout_ms) {
    if (timeout_ms < 0) {
        timer_.cancel();
        return;
    }
    timer_.expires_after(std::chrono::milliseconds(timeout_ms));
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (!error && self != nullptr) {
            self->act(CURL_SOCKET_TIMEOUT, 0);
        }
    });
}

void CurlLoop::act(curl_socket_t fd, int events) {
    int running = 0;
    curl_multi_socket_action(multi_, fd, events, &running);
    collect();
}

// Tells the transfers that have ended. Each takes itself out, later and from its own coroutine.
void CurlLoop::collect() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        const CURLcode result = message->data.result;
        void* transfer = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        static_cast<Transfer*>(transfer)->ended(result);
    }
}

} // namespace mr::net
