#include "worker/net/curl_loop.h"

#include "worker/net/transfer.h"

#include <new>
#include <stdexcept>
#include <utility>

namespace mr::net {

namespace asio = boost::asio;

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
    auto loop = std::shared_ptr<CurlLoop>(new CurlLoop(executor, std::move(caches)));
    loop->sockets_ = SocketRounds::make(
        executor, [weak = loop->weak_from_this()](int fd, bool to_read, bool to_write) {
            if (const auto self = weak.lock()) {
                self->act(fd, (to_read ? CURL_CSELECT_IN : 0) | (to_write ? CURL_CSELECT_OUT : 0));
            }
        });
    return loop;
}

CurlLoop::CurlLoop(const asio::any_io_executor& executor, std::shared_ptr<CurlCaches> caches)
    : executor_(executor), caches_(std::move(caches)), multi_(curl_multi_init()), timer_(executor) {
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
    const bool to_read = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
    const bool to_write = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
    return static_cast<CurlLoop*>(self)->sockets_->watch(fd, to_read, to_write) ? 0 : -1;
}

int CurlLoop::on_timer(CURLM*, long timeout_ms, void* self) noexcept {
    static_cast<CurlLoop*>(self)->set_timer(timeout_ms);
    return 0;
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

// A socket that is gone by the time its turn comes is nothing to curl.
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
