#include "worker/net/transfer.h"

#include "shared/version.h"
#include "worker/net/curl_fault.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cctype>
#include <new>

namespace mr::net {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kStopTransfer = 0; // from a callback that was given at least one byte
constexpr long kKeepAliveSeconds = 60;
constexpr std::chrono::duration<unsigned, std::milli> kUnacknowledgedLimit{20'000};

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::string_view trimmed(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

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

} // namespace

Transfer::Transfer(std::shared_ptr<CurlLoop> loop, HttpRequest request, HttpReceiver& receiver)
    : loop_(std::move(loop)), request_(std::move(request)), receiver_(receiver),
      handle_(loop_->take_handle()), done_(loop_->executor()), started_(Clock::now()),
      last_byte_(started_) {
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

asio::awaitable<void> Transfer::run(const HttpOptions& options, bool http2) {
    if (!request_.url.starts_with("http://") && !request_.url.starts_with("https://")) {
        fail(HttpFault::bad_request, "the URL is neither http nor https");
    }
    prepare(options);
    prepare_connection(http2);
    receiver_.transfer_ = weak_from_this();
    running_ = loop_->start(handle_);
    if (!running_) {
        fail(HttpFault::bad_request, "libcurl does not take the request");
    }
    while (!result_) {
        const auto left = deadline() - Clock::now();
        if (left <= Clock::duration::zero() && enough_) {
            co_return;
        }
        if (left <= Clock::duration::zero()) {
            fail(HttpFault::timeout, late());
        }
        co_await done_.wait_for(left);
    }
    check();
}

// ---- options

void Transfer::prepare(const HttpOptions& options) {
    curl_easy_setopt(handle_, CURLOPT_PRIVATE, this);
    curl_easy_setopt(handle_, CURLOPT_URL, request_.url.c_str());
    curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
    // A name lookup that is given up must not hold the loop up until the system's resolver answers.
    curl_easy_setopt(handle_, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(
        handle_, CURLOPT_CONNECTTIMEOUT_MS,
        static_cast<long>(std::max<std::int64_t>(1, request_.timeouts.connect.count())));
    curl_easy_setopt(handle_, CURLOPT_USERAGENT, (std::string("mr-ws/") + kVersion).c_str());
    const std::string& proxy = request_.proxy.empty() ? options.proxy : request_.proxy;
    curl_easy_setopt(handle_, CURLOPT_PROXY, proxy.c_str()); // empty: not the environment's
    curl_easy_setopt(handle_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(handle_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    const std::string& ca_file = request_.ca_file.empty() ? options.ca_file : request_.ca_file;
    if (!ca_file.empty()) {
        curl_easy_setopt(handle_, CURLOPT_CAINFO, ca_file.c_str());
    }
    if (!request_.connect_to.empty()) { // "::" is for any host and port of the URL
        connect_to_ = curl_slist_append(nullptr, ("::" + request_.connect_to).c_str());
        if (connect_to_ == nullptr) {
            throw std::bad_alloc();
        }
        curl_easy_setopt(handle_, CURLOPT_CONNECT_TO, connect_to_);
    }
    curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, error_text_.data());
    if (request_.still_wanted) {
        curl_easy_setopt(handle_, CURLOPT_PREREQFUNCTION, &Transfer::on_ready_to_send);
        curl_easy_setopt(handle_, CURLOPT_PREREQDATA, this);
    }
    curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    curl_easy_setopt(handle_, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    curl_easy_setopt(handle_, CURLOPT_WRITEDATA, this);
    prepare_method();
    prepare_headers();
}

// A second request waits for the first one's connection rather than opening another: it may turn
// out to take both.
void Transfer::prepare_connection(bool http2) {
    const long version = http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
    curl_easy_setopt(handle_, CURLOPT_HTTP_VERSION, version);
    curl_easy_setopt(handle_, CURLOPT_PIPEWAIT, http2 ? 1L : 0L);
    curl_easy_setopt(handle_, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(handle_, CURLOPT_TCP_KEEPIDLE, kKeepAliveSeconds);
    curl_easy_setopt(handle_, CURLOPT_TCP_KEEPINTVL, kKeepAliveSeconds);
    curl_easy_setopt(handle_, CURLOPT_SOCKOPTFUNCTION, &Transfer::on_socket_made);
}

// CURLOPT_SOCKOPTFUNCTION(3), tcp(7): what is sent and not acknowledged for so long has found a
// dead network; without it everything that comes later would be sent into the same silence.
int Transfer::on_socket_made(void*, curl_socket_t fd, curlsocktype) noexcept {
    const unsigned limit_ms = kUnacknowledgedLimit.count();
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof limit_ms); // as good as can be
    return CURL_SOCKOPT_OK;
}

void Transfer::prepare_method() {
    if (request_.method == "HEAD") {
        curl_easy_setopt(handle_, CURLOPT_NOBODY, 1L);
        return;
    }
    if (!request_.body.empty() || request_.method == "POST") {
        curl_easy_setopt(handle_, CURLOPT_POST, 1L);
        curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request_.body.size()));
        curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, request_.body.data()); // not copied
    }
    curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void Transfer::prepare_headers() {
    // An empty value takes out what curl would add by itself.
    std::vector<std::string> lines = {"Expect:", "Content-Type:"};
    for (const std::string& line : request_.headers) {
        if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos ||
            line.find(':') == std::string::npos) {
            fail(HttpFault::bad_request, "malformed header");
        }
        if (lower(line).starts_with("content-type:")) {
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
        transfer.thrown_ = std::current_exception();
        return kStopTransfer;
    }
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count,
                              void* self) noexcept {
    auto& transfer = *static_cast<Transfer*>(self);
    try {
        return transfer.take_body(std::string_view(data, size * count));
    } catch (...) {
        transfer.thrown_ = std::current_exception();
        return kStopTransfer;
    }
}

void Transfer::heard() {
    last_byte_ = Clock::now();
    if (!any_byte_) {
        any_byte_ = true;
        done_.notify(); // another deadline counts now
    }
}

bool Transfer::take_header(std::string_view line) {
    heard();
    head_bytes_ += line.size();
    if (head_bytes_ > kMaxResponseHeadBytes) {
        fault_ = HttpFault::too_large;
        return false;
    }
    if (head_done_) {
        return true; // trailers: nobody needs them
    }
    const std::string_view text = trimmed(line);
    if (text.starts_with("HTTP/")) {
        head_ = HttpHead();
        head_.status = status_of(text);
    } else if (!text.empty()) {
        const std::size_t colon = text.find(':');
        if (colon != std::string_view::npos) {
            HttpHeader header;
            header.name = lower(text.substr(0, colon));
            header.value = trimmed(text.substr(colon + 1));
            head_.headers.push_back(std::move(header));
        }
    } else if (head_.status >= 200) { // interim heads (1xx) are followed by the real one
        head_done_ = true;
        receiver_.head(head_);
    }
    return true;
}

std::size_t Transfer::take_body(std::string_view piece) {
    heard();
    if (!head_done_) {
        fault_ = HttpFault::protocol; // HTTP/0.9
        return kStopTransfer;
    }
    if (piece.size() > request_.max_response_bytes - body_bytes_) {
        fault_ = HttpFault::too_large;
        return kStopTransfer;
    }
    body_bytes_ += piece.size();
    if (enough_) {
        return piece.size();
    }
    switch (receiver_.body(piece)) {
    case HttpReceiver::Flow::go_on:
        break;
    case HttpReceiver::Flow::pause:
        body_bytes_ -= piece.size();
        paused_ = true;
        return CURL_WRITEFUNC_PAUSE;
    case HttpReceiver::Flow::enough:
        enough_ = last_byte_;
        done_.notify();
        break;
    }
    return piece.size();
}

void Transfer::resume() {
    asio::post(loop_->executor(), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self != nullptr && self->paused_ && !self->result_) {
            self->paused_ = false;
            self->last_byte_ = Clock::now();
            self->loop_->unpause(self->handle_);
            self->done_.notify(); // another deadline counts now
        }
    });
}

// CURLOPT_PREREQFUNCTION(3)
int Transfer::on_ready_to_send(void* self, char*, char*, int, int) noexcept {
    auto& transfer = *static_cast<Transfer*>(self);
    try {
        if (transfer.request_.still_wanted()) {
            return CURL_PREREQFUNC_OK;
        }
        transfer.fault_ = HttpFault::withdrawn;
    } catch (...) {
        transfer.thrown_ = std::current_exception();
    }
    return CURL_PREREQFUNC_ABORT;
}

void Transfer::ended(CURLcode result) {
    result_ = result;
    done_.notify();
}

// ---- the outcome

void Transfer::check() const {
    if (thrown_) {
        std::rethrow_exception(thrown_);
    }
    if (enough_) {
        return;
    }
    if (fault_) {
        fail(*fault_, *fault_ == HttpFault::too_large   ? "the response is too large"
                      : *fault_ == HttpFault::withdrawn ? "the request is not wanted any more"
                                                        : "the response is not HTTP");
    }
    if (*result_ != CURLE_OK) {
        fail(fault_of(*result_),
             error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(*result_),
             cause_of(handle_, *result_));
    }
    if (!head_done_) {
        fail(HttpFault::protocol, "the response has no head");
    }
}

void Transfer::fail(HttpFault fault, std::string_view what, HttpCause cause) const {
    const std::string text = std::string(host()) + ": " + std::string(what);
    throw HttpCausedError(fault, text, any_byte_, cause);
}

Transfer::Clock::time_point Transfer::deadline() const {
    const HttpTimeouts& limits = request_.timeouts;
    const Clock::time_point end = started_ + limits.total;
    if (paused_) {
        return end;
    }
    if (enough_) {
        return *enough_ + kEnoughGrace;
    }
    return std::min(end, any_byte_ ? last_byte_ + limits.idle : started_ + limits.first_byte);
}

const char* Transfer::late() const {
    if (Clock::now() >= started_ + request_.timeouts.total) {
        return "the response took too long";
    }
    return any_byte_ ? "the response stalled" : "no response in time";
}

// Scheme, host and port: neither user and password nor path and query.
std::string_view Transfer::host() const {
    const std::string_view url = request_.url;
    const std::size_t scheme = url.find("://");
    const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
    const std::size_t end = std::min(url.find_first_of("/?#", begin), url.size());
    const std::size_t at = url.substr(begin, end - begin).rfind('@');
    return at == std::string_view::npos ? url.substr(0, end)
                                        : url.substr(begin + at + 1, end - begin - at - 1);
}

} // namespace mr::net
