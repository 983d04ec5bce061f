#include "worker/net/h2_transfer.h"

#include "shared/version.h"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <charconv>
#include <utility>

namespace mr::net {

namespace asio = boost::asio;

namespace {

// RFC 9113 section 8.2.2: of a connection, and none of HTTP/2's.
constexpr std::array<std::string_view, 5> kHopByHop = {"connection", "host", "keep-alive",
                                                       "transfer-encoding", "upgrade"};

int number(std::string_view digits) {
    int value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

} // namespace

H2Transfer::H2Transfer(const asio::any_io_executor& executor, std::unique_ptr<HttpRequest> request,
                       HttpReceiver& receiver)
    : executor_(executor), request_(std::move(request)), intake_(executor, *request_, receiver) {
    const auto read = read_url(request_->url, UrlUser::ignored);
    const bool headers_good =
        std::all_of(request_->headers.begin(), request_->headers.end(), header_well_formed);
    if (!read || !headers_good) {
        fail(HttpFault::bad_request, read ? kMalformedHeader : "the URL cannot be read");
    }
    target_ = std::make_unique<UrlTarget>(*read);
}

H2Transfer::~H2Transfer() {
    if (stream_) {
        session_->drop(*stream_);
    }
}

asio::awaitable<bool> H2Transfer::run(std::shared_ptr<H2Session> session) {
    intake_.attach(weak_from_this());
    if (request_->still_wanted && !request_->still_wanted()) {
        fail(HttpFault::withdrawn, "the request is not wanted any more");
    }
    session_ = std::move(session);
    error_.reset();
    lost_.clear();
    intake_.begin_again();
    const bool reused = session_->served() > 0;
    const auto sent = std::chrono::steady_clock::now();
    stream_ = session_->submit(*this, make_request());
    if (!stream_) {
        fail(HttpFault::bad_request, "HTTP/2 does not take the request");
    }
    const bool ended = co_await intake_.wait();
    const bool was_dead = reused && !lost_.empty() && session_->heard() < sent;
    const bool untouched = was_dead || error_ == std::uint32_t{NGHTTP2_REFUSED_STREAM};
    if (ended && untouched && !intake_.any_byte()) {
        co_return false;
    }
    if (ended) {
        check();
    }
    co_return true;
}

H2Request H2Transfer::make_request() const {
    H2Request out;
    out.body = request_->body;
    out.fields = {{":method", request_->method},
                  {":scheme", target_->scheme},
                  {":authority", target_->authority},
                  {":path", target_->path},
                  {"user-agent", std::string("mr-ws/") + kVersion},
                  {"accept", "*/*"}};
    if (!request_->body.empty() || request_->method == "POST") {
        out.fields.push_back({"content-length", std::to_string(request_->body.size())});
    }
    for (const std::string& line : request_->headers) {
        const std::size_t colon = line.find(':');
        HttpHeader header{lower_case(std::string_view(line).substr(0, colon)),
                          std::string(trimmed(std::string_view(line).substr(colon + 1)))};
        if (std::find(kHopByHop.begin(), kHopByHop.end(), header.name) != kHopByHop.end()) {
            continue;
        }
        const auto same =
            std::find_if(out.fields.begin(), out.fields.end(),
                         [&](const HttpHeader& one) { return one.name == header.name; });
        if (same != out.fields.end()) { // instead of ours
            *same = std::move(header);
        } else {
            out.fields.push_back(std::move(header));
        }
    }
    return out;
}

// ---- what comes

void H2Transfer::on_header(std::string_view name, std::string_view value) {
    if (!intake_.head_bytes(name.size() + value.size())) {
        intake_.end();
        return;
    }
    if (intake_.head_done()) {
        return; // trailers: nobody needs them
    }
    if (name == ":status") {
        head_ = HttpHead();
        head_.status = number(value);
    } else {
        head_.headers.push_back({std::string(name), std::string(value)});
    }
}

void H2Transfer::on_head_end() {
    // Interim heads (1xx) are followed by the real one.
    if (intake_.head_done() || head_.status < 200) {
        return;
    }
    request_.reset(); // it is not sent again
    target_.reset();
    if (!intake_.head(std::move(head_))) {
        intake_.end();
    }
}

std::size_t H2Transfer::on_data(std::string_view bytes) {
    if (intake_.paused()) {
        held_ += bytes;
        return 0;
    }
    switch (intake_.body(bytes)) {
    case ResponseIntake::Taken::yes:
        return bytes.size();
    case ResponseIntake::Taken::paused:
        held_ = bytes;
        return 0;
    case ResponseIntake::Taken::stop:
        intake_.end();
        break;
    }
    return bytes.size();
}

void H2Transfer::on_closed(std::uint32_t error) {
    stream_.reset();
    error_ = error;
    if (held_.empty() || error != NGHTTP2_NO_ERROR) {
        intake_.end();
    } else {
        whole_behind_held_ = true;
    }
}

void H2Transfer::on_lost(const std::string& why) {
    stream_.reset();
    lost_ = why.empty() ? "closed" : why;
    intake_.end();
}

// From the loop: the receiver may be in the middle of something.
void H2Transfer::resume() {
    asio::post(executor_, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self != nullptr && self->intake_.paused() && !self->intake_.ended()) {
            self->intake_.resumed();
            self->take_held();
        }
    });
}

void H2Transfer::take_held() {
    const std::string held = std::exchange(held_, {});
    const std::size_t taken = on_data(held); // all or nothing
    if (taken > 0 && stream_) {
        session_->consumed(*stream_, taken);
    }
    if (held_.empty() && whole_behind_held_) {
        intake_.end();
    }
}

void H2Transfer::check() const {
    if (intake_.check()) {
        return;
    }
    if (!lost_.empty()) {
        fail(HttpFault::lost, "the connection was lost: " + lost_);
    }
    if (error_ && *error_ != NGHTTP2_NO_ERROR) {
        fail(HttpFault::lost,
             std::string("the server broke the response off: ") + nghttp2_http2_strerror(*error_));
    }
    if (!intake_.head_done()) {
        fail(HttpFault::protocol, kNoHead);
    }
}

} // namespace mr::net
