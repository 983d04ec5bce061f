#include "worker/net/transfer.h"

#include "shared/version.h"
#include "worker/net/curl_fault.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <new>

namespace mr::net {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kStopTransfer = 0; // from a callback that was given at least one byte
// Of a response that trickles: curl holds this much for each as long as it comes. Some words of a
// language model, or a tenth of a second of speech. What a request over TLS is put together in is
// held as long; that is the least curl takes.
constexpr long kTrickleReadBytes = 2 * 1024;
constexpr long kTrickleUploadBytes = 16 * 1024;

// "HTTP/1.1 200 OK": 200. Anything else: 0.
int status_of(std::string_view line) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos || line.size() < blank + 4) {
        return 0;
    }
    int status = 0;
    for (const char c : line.substr(blank + 1, 3)) {
        if (c < '0' || c > '9') {
            return 0;
        }
        status = status * 10 + (c - '0');
    }
    return status;
}

// A line of a response's head, trimmed. True: it was the last one, and the head is no interim one
// (1xx), which the final one follows.
bool add_head_line(HttpHead& head, std::string_view line) {
    const std::size_t colon = line.find(':');
    if (line.starts_with("HTTP/")) {
        head = HttpHead();
        head.status = status_of(line);
    } else if (colon != std::string_view::npos) {
        head.headers.push_back(
            {lower_case(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1)))});
    }
    return line.empty() && head.status >= 200;
}

} // namespace

Transfer::Transfer(std::shared_ptr<CurlLoop> loop, std::unique_ptr<HttpRequest> request,
                   HttpReceiver& receiver)
    : loop_(std::move(loop)), request_(std::move(request)),
      intake_(loop_->executor(), *request_, receiver), handle_(loop_->take_handle()) {
    if (handle_ == nullptr) {
        throw std::bad_alloc();
    }
}

Transfer::~Transfer() {
    if (running_) {
        loop_->remove(handle_);
    }
    loop_->give_back(handle_);
    curl_slist_free_all(headers_);
    curl_slist_free_all(connect_to_);
}

asio::awaitable<void> Transfer::run(const HttpOptions& options) {
    if (!request_->url.starts_with("http://") && !request_->url.starts_with("https://")) {
        intake_.fail(HttpFault::bad_request, "the URL is neither http nor https");
    }
    prepare(options);
    prepare_connection();
    intake_.attach(weak_from_this());
    running_ = loop_->start(handle_);
    if (!running_) {
        intake_.fail(HttpFault::bad_request, "libcurl does not take the request");
    }
    const bool ended = co_await intake_.wait();
    if (ended) {
        check();
    }
}

// ---- options

void Transfer::prepare(const HttpOptions& options) {
    curl_easy_setopt(handle_, CURLOPT_PRIVATE, this);
    curl_easy_setopt(handle_, CURLOPT_URL, request_->url.c_str());
    curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
    // A name lookup that is given up must not hold the loop up until the system's resolver answers.
    curl_easy_setopt(handle_, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(
        handle_, CURLOPT_CONNECTTIMEOUT_MS,
        static_cast<long>(std::max<std::int64_t>(1, request_->timeouts.connect.count())));
    curl_easy_setopt(handle_, CURLOPT_USERAGENT, (std::string("mr-ws/") + kVersion).c_str());
    const std::string& proxy = request_->proxy.empty() ? options.proxy : request_->proxy;
    curl_easy_setopt(handle_, CURLOPT_PROXY, proxy.c_str()); // empty: not the environment's
    curl_easy_setopt(handle_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(handle_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    const std::string& ca_file = request_->ca_file.empty() ? options.ca_file : request_->ca_file;
    if (!ca_file.empty()) {
        curl_easy_setopt(handle_, CURLOPT_CAINFO, ca_file.c_str());
    }
    if (!request_->connect_to.empty()) { // "::" is for any host and port of the URL
        connect_to_ = curl_slist_append(nullptr, ("::" + request_->connect_to).c_str());
        if (connect_to_ == nullptr) {
            throw std::bad_alloc();
        }
        curl_easy_setopt(handle_, CURLOPT_CONNECT_TO, connect_to_);
    }
    curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, error_text_.data());
    if (request_->still_wanted) {
        curl_easy_setopt(handle_, CURLOPT_PREREQFUNCTION, &Transfer::on_ready_to_send);
        curl_easy_setopt(handle_, CURLOPT_PREREQDATA, this);
    }
    curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    curl_easy_setopt(handle_, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    curl_easy_setopt(handle_, CURLOPT_WRITEDATA, this);
    if (request_->trickles) {
        curl_easy_setopt(handle_, CURLOPT_BUFFERSIZE, kTrickleReadBytes);
        curl_easy_setopt(handle_, CURLOPT_UPLOAD_BUFFERSIZE, kTrickleUploadBytes);
    }
    prepare_method();
    prepare_headers();
}

void Transfer::prepare_connection() {
    curl_easy_setopt(handle_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(handle_, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(handle_, CURLOPT_TCP_KEEPIDLE, long{kKeepAliveInterval.count()});
    curl_easy_setopt(handle_, CURLOPT_TCP_KEEPINTVL, long{kKeepAliveInterval.count()});
    curl_easy_setopt(handle_, CURLOPT_SOCKOPTFUNCTION, &Transfer::on_socket_made);
}

// CURLOPT_SOCKOPTFUNCTION(3)
int Transfer::on_socket_made(void*, curl_socket_t fd, curlsocktype) noexcept {
    expect_acknowledgements(fd);
    return CURL_SOCKOPT_OK;
}

void Transfer::prepare_method() {
    if (request_->method == "HEAD") {
        curl_easy_setopt(handle_, CURLOPT_NOBODY, 1L);
        return;
    }
    if (!request_->body.empty() || request_->method == "POST") {
        curl_easy_setopt(handle_, CURLOPT_POST, 1L);
        curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request_->body.size()));
        curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, request_->body.data()); // not copied
    }
    curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, request_->method.c_str());
}

void Transfer::prepare_headers() {
    // An empty value takes out what curl would add by itself.
    std::vector<std::string> lines = {"Expect:", "Content-Type:"};
    for (const std::string& line : request_->headers) {
        if (!header_well_formed(line)) {
            intake_.fail(HttpFault::bad_request, kMalformedHeader);
        }
        if (lower_case(line).starts_with("content-type:")) {
            lines[1] = line;
        } else {
            lines.push_back(line);
        }
    }
    for (const std::string& line : lines) {
        curl_slist* longer = curl_slist_append(headers_, line.c_str());
        if (longer == nullptr) {
            throw std::bad_alloc();
        }
        headers_ = longer;
    }
    curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers_);
}

// ---- what comes

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count,
                                void* self) noexcept {
    auto& transfer = *static_cast<Transfer*>(self);
    try {
        return transfer.take_header(std::string_view(data, size * count)) ? size * count
                                                                          : kStopTransfer;
    } catch (...) {
        transfer.intake_.refuse(std::current_exception());
        return kStopTransfer;
    }
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count,
                              void* self) noexcept {
    switch (static_cast<Transfer*>(self)->intake_.body({data, size * count})) {
    case ResponseIntake::Taken::yes:
        return size * count;
    case ResponseIntake::Taken::paused:
        return CURL_WRITEFUNC_PAUSE;
    case ResponseIntake::Taken::stop:
        break;
    }
    return kStopTransfer;
}

bool Transfer::take_header(std::string_view line) {
    if (!intake_.head_bytes(line.size())) {
        return false;
    }
    if (intake_.head_done()) {
        return true; // trailers: nobody needs them
    }
    return !add_head_line(head_, trimmed(line)) || intake_.head(std::move(head_));
}

void Transfer::resume() {
    asio::post(loop_->executor(), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self != nullptr && self->intake_.paused() && !self->result_) {
            self->intake_.resumed();
            self->loop_->unpause(self->handle_);
        }
    });
}

// CURLOPT_PREREQFUNCTION(3)
int Transfer::on_ready_to_send(void* self, char*, char*, int, int) noexcept {
    auto& transfer = *static_cast<Transfer*>(self);
    try {
        if (transfer.request_->still_wanted()) {
            return CURL_PREREQFUNC_OK;
        }
        transfer.intake_.refuse(HttpFault::withdrawn);
    } catch (...) {
        transfer.intake_.refuse(std::current_exception());
    }
    return CURL_PREREQFUNC_ABORT;
}

void Transfer::ended(CURLcode result) {
    result_ = result;
    intake_.end();
}

// ---- the outcome

void Transfer::check() const {
    if (intake_.check()) {
        return;
    }
    if (*result_ != CURLE_OK) {
        intake_.fail(fault_of(*result_),
                     error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(*result_),
                     cause_of(handle_, *result_));
    }
    if (!intake_.head_done()) {
        intake_.fail(HttpFault::protocol, kNoHead);
    }
}

} // namespace mr::net
