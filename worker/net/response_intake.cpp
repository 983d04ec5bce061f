#include "worker/net/response_intake.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace mr::net {

namespace asio = boost::asio;

namespace {

// Scheme, host and port: neither user and password nor path and query.
std::string_view host_of(std::string_view url) {
    const std::size_t scheme = url.find("://");
    const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
    const std::size_t end = std::min(url.find_first_of("/?#", begin), url.size());
    const std::size_t at = url.substr(begin, end - begin).rfind('@');
    return at == std::string_view::npos ? url.substr(0, end)
                                        : url.substr(begin + at + 1, end - begin - at - 1);
}

const char* text_of(HttpFault fault) {
    switch (fault) {
    case HttpFault::too_large:
        return "the response is too large";
    case HttpFault::withdrawn:
        return "the request is not wanted any more";
    default:
        return "the response is not HTTP";
    }
}

} // namespace

bool header_well_formed(std::string_view line) {
    return line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos &&
           line.find(':') != std::string_view::npos;
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

ResponseIntake::ResponseIntake(const asio::any_io_executor& executor, const HttpRequest& request,
                               HttpReceiver& receiver)
    : request_(request), receiver_(receiver), done_(executor), started_(Clock::now()),
      last_byte_(started_) {}

void ResponseIntake::attach(std::weak_ptr<Resumable> transfer) {
    receiver_.transfer_ = std::move(transfer);
}

// ---- what comes

void ResponseIntake::heard() {
    last_byte_ = Clock::now();
    if (!any_byte_) {
        any_byte_ = true;
        done_.notify(); // another deadline counts now
    }
}

bool ResponseIntake::head_bytes(std::size_t size) {
    heard();
    head_bytes_ += size;
    if (head_bytes_ > kMaxResponseHeadBytes) {
        fault_ = HttpFault::too_large;
    }
    return !fault_;
}

bool ResponseIntake::head(HttpHead head) {
    head_done_ = true;
    try {
        receiver_.head(head);
    } catch (...) {
        thrown_ = std::current_exception();
    }
    return !thrown_;
}

ResponseIntake::Taken ResponseIntake::body(std::string_view piece) {
    heard();
    if (!head_done_) {
        fault_ = HttpFault::protocol; // HTTP/0.9
        return Taken::stop;
    }
    if (piece.size() > request_.max_response_bytes - body_bytes_) {
        fault_ = HttpFault::too_large;
        return Taken::stop;
    }
    body_bytes_ += piece.size();
    if (enough_) {
        return Taken::yes;
    }
    try {
        switch (receiver_.body(piece)) {
        case HttpReceiver::Flow::go_on:
            break;
        case HttpReceiver::Flow::pause:
            body_bytes_ -= piece.size();
            paused_ = true;
            return Taken::paused;
        case HttpReceiver::Flow::enough:
            enough_ = last_byte_;
            done_.notify();
            break;
        }
    } catch (...) {
        thrown_ = std::current_exception();
        return Taken::stop;
    }
    return Taken::yes;
}

void ResponseIntake::resumed() {
    paused_ = false;
    last_byte_ = Clock::now();
    done_.notify(); // another deadline counts now
}

void ResponseIntake::end() {
    ended_ = true;
    done_.notify();
}

// ---- the outcome

asio::awaitable<bool> ResponseIntake::wait() {
    while (!ended_) {
        const auto left = deadline() - Clock::now();
        if (left <= Clock::duration::zero() && enough_) {
            co_return false;
        }
        if (left <= Clock::duration::zero()) {
            fail(HttpFault::timeout, late());
        }
        co_await done_.wait_for(left);
    }
    co_return true;
}

bool ResponseIntake::check() const {
    if (thrown_) {
        std::rethrow_exception(thrown_);
    }
    if (fault_ && !enough_) {
        fail(*fault_, text_of(*fault_));
    }
    return enough_.has_value();
}

void ResponseIntake::fail(HttpFault fault, std::string_view what, HttpCause cause) const {
    const std::string text = std::string(host_of(request_.url)) + ": " + std::string(what);
    throw HttpCausedError(fault, text, any_byte_, cause);
}

ResponseIntake::Clock::time_point ResponseIntake::deadline() const {
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

const char* ResponseIntake::late() const {
    if (Clock::now() >= started_ + request_.timeouts.total) {
        return "the response took too long";
    }
    return any_byte_ ? "the response stalled" : "no response in time";
}

} // namespace mr::net
