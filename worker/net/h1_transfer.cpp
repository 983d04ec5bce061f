#include "worker/net/h1_transfer.h"

#include "shared/version.h"
#include "worker/net/h1_pool.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

namespace mr::net {

namespace asio = boost::asio;

namespace {

bool passing(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

std::string text_of_error(int error) {
    return std::generic_category().message(error);
}

} // namespace

H1Socket::~H1Socket() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

std::optional<UrlTarget> H1Transfer::target_of(const HttpRequest& request) {
    const bool good =
        std::all_of(request.headers.begin(), request.headers.end(), header_well_formed);
    std::optional<UrlTarget> target;
    if (good && request.url.starts_with("http://")) {
        target = read_url(request.url, UrlUser::refused);
    }
    if (target && !request.connect_to.empty() &&
        !connect_elsewhere(target->target, request.connect_to)) {
        target.reset();
    }
    return target;
}

H1Transfer::H1Transfer(std::shared_ptr<H1Pool> pool, std::unique_ptr<HttpRequest> request,
                       UrlTarget target, HttpReceiver& receiver)
    : pool_(std::move(pool)), request_(std::move(request)),
      target_(std::make_unique<UrlTarget>(std::move(target))),
      intake_(pool_->executor(), *request_, receiver),
      reader_(intake_, request_->method == "HEAD") {}

H1Transfer::~H1Transfer() {
    unwatch();
}

asio::awaitable<bool> H1Transfer::run(H1Socket socket, bool reused) {
    intake_.attach(weak_from_this());
    if (request_->still_wanted && !request_->still_wanted()) {
        intake_.fail(HttpFault::withdrawn, "the request is not wanted any more");
    }
    socket_ = std::move(socket);
    lost_.clear();
    intake_.begin_again();
    output_ = request_text();
    sent_ = 0;
    send();
    const bool ended = co_await intake_.wait();
    if (ended && reused && !lost_.empty() && !intake_.any_byte()) {
        co_return false;
    }
    if (ended) {
        check();
    }
    co_return true;
}

H1Socket H1Transfer::take_socket() {
    unwatch();
    H1Socket socket = std::move(socket_);
    return reader_.reusable() && !refused_ && output_.empty() ? std::move(socket) : H1Socket();
}

std::string H1Transfer::request_text() const {
    const HttpRequest& request = *request_;
    const auto given = [&request](std::string_view name) {
        return std::any_of(
            request.headers.begin(), request.headers.end(),
            [name](const std::string& line) { return lower_case(line).starts_with(name); });
    };
    std::string text = request.method + " " + target_->path + " HTTP/1.1\r\n";
    if (!given("host:")) {
        text += "Host: " + target_->authority + "\r\n";
    }
    if (!given("user-agent:")) {
        text += std::string("User-Agent: mr-ws/") + kVersion + "\r\n";
    }
    if (!given("accept:")) {
        text += "Accept: */*\r\n";
    }
    if (!request.body.empty() || request.method == "POST") {
        text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    }
    for (const std::string& line : request.headers) {
        text += line + "\r\n";
    }
    text += "\r\n";
    text += request.body;
    return text;
}

// ---- the socket

void H1Transfer::watch() {
    if (!pool_->watch(socket_.fd(), this, !intake_.paused(), !output_.empty())) {
        lose("the system has no room for the socket");
    }
}

void H1Transfer::unwatch() {
    if (socket_.open()) {
        pool_->watch(socket_.fd(), nullptr, false, false);
    }
}

void H1Transfer::ready(bool to_read, bool to_write) {
    const auto self = shared_from_this();
    if (to_write && !output_.empty()) {
        send();
    }
    if (to_read && !intake_.ended()) {
        receive();
    }
}

// A server that takes no more may have answered already: reading tells.
void H1Transfer::send() {
    while (sent_ < output_.size()) {
        const ssize_t size = ::send(socket_.fd(), output_.data() + sent_, output_.size() - sent_,
                                    MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0 && passing(errno)) {
            watch();
            return;
        }
        if (size < 0) {
            refused_ = true;
            break;
        }
        sent_ += static_cast<std::size_t>(size);
    }
    output_.clear();
    output_.shrink_to_fit();
    watch();
}

void H1Transfer::receive() {
    std::array<char, kH1ReadBytes> buffer;
    for (int i = 0; i < kH1ReadsPerTurn; ++i) {
        const ssize_t size = recv(socket_.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0 && !passing(errno)) {
            lose(text_of_error(errno));
        } else if (size == 0 && !reader_.end_of_stream()) {
            lose("closed by the server");
        } else if (size == 0) {
            end();
        }
        if (size <= 0 || !take({buffer.data(), static_cast<std::size_t>(size)}) ||
            size < static_cast<ssize_t>(buffer.size())) {
            return;
        }
    }
}

// False: no more of it is to be read now.
bool H1Transfer::take(std::string_view bytes) {
    reader_.feed(bytes);
    if (intake_.head_done()) { // it is not sent again
        request_.reset();
        target_.reset();
    }
    if (reader_.over() || reader_.failed()) {
        end();
        return false;
    }
    if (intake_.paused()) {
        watch();
        return false;
    }
    return true;
}

// From the loop: the receiver may be in the middle of something.
void H1Transfer::resume() {
    asio::post(pool_->executor(), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self == nullptr || !self->intake_.paused() || self->intake_.ended()) {
            return;
        }
        self->intake_.resumed();
        if (self->take({})) {
            self->watch();
        }
    });
}

void H1Transfer::end() {
    unwatch();
    intake_.end();
}

void H1Transfer::lose(std::string why) {
    lost_ = std::move(why);
    end();
}

// ---- the outcome

void H1Transfer::check() const {
    if (intake_.check()) {
        return;
    }
    if (!lost_.empty()) {
        intake_.fail(HttpFault::lost, "the connection was lost: " + lost_);
    }
    if (!intake_.head_done()) {
        intake_.fail(HttpFault::protocol, kNoHead);
    }
}

} // namespace mr::net
