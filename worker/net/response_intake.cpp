#include "worker/net/response_intake.h"

#include "worker/net/byte_stream.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
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

ResponseIntake::ResponseIntake(const asio::any_io_executor& executor, const HttpRequest& request,
                               HttpReceiver& receiver)
    : host_(host_of(request.url)), limits_(request.timeouts),
      max_body_bytes_(request.max_response_bytes), receiver_(receiver), done_(executor),
      started_(Clock::now()), last_byte_(started_) {}

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
    if (piece.size() > max_body_bytes_ - body_bytes_) {
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
            pause_told_ = false;
            done_.notify();
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
        if (paused_ && !std::exchange(pause_told_, true)) {
            co_await receiver_.paused();
            continue;
        }
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
    const std::string text = host_ + ": " + std::string(what);
    throw HttpCausedError(fault, text, any_byte_, cause);
}

void ResponseIntake::fail_to_connect(const std::exception_ptr& error) const {
    try {
        std::rethrow_exception(error);
    } catch (const TlsProblem& problem) {
        fail(HttpFault::tls, problem.what(), cause_of_certificate(problem.verified()));
    } catch (const boost::system::system_error& problem) {
        if (problem.code() == asio::error::operation_aborted) { // by the clock of the connection
            fail(HttpFault::timeout, kNoConnection, HttpCause::no_answer);
        }
        const bool name = problem.code().category() == asio::error::get_netdb_category();
        fail(HttpFault::connect, "no connection: " + problem.code().message(),
             name ? HttpCause::name : HttpCause::connection);
    } catch (const std::exception& problem) {
        fail(HttpFault::tls, problem.what());
    }
}

ResponseIntake::Clock::time_point ResponseIntake::deadline() const {
    const Clock::time_point end = started_ + limits_.total;
    if (paused_) {
        return end;
    }
    if (enough_) {
        return *enough_ + kEnoughGrace;
    }
    return std::min(end, any_byte_ ? last_byte_ + limits_.idle : started_ + limits_.first_byte);
}

const char* ResponseIntake::late() const {
    if (Clock::now() >= started_ + limits_.total) {
        return "the response took too long";
    }
    return any_byte_ ? "the response stalled" : "no response in time";
}

} // namespace mr::net
