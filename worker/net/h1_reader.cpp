#include "worker/net/h1_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace mr::net {

namespace {

// A number that is the whole text; null: it is none, or larger than 64 bits.
std::optional<std::uint64_t> number(std::string_view text, int base) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole ? std::optional(value) : std::nullopt;
}

// Null: there is none. All of them have to say the same.
std::optional<std::string_view> content_length(const HttpHead& head, bool& good) {
    std::optional<std::string_view> length;
    for (const HttpHeader& header : head.headers) {
        if (header.name == "content-length") {
            good = good && (!length || *length == header.value);
            length = header.value;
        }
    }
    return length;
}

} // namespace

std::size_t H1Reader::feed(std::string_view bytes) {
    std::size_t used = 0;
    while (used < bytes.size() && !over() && !failed() && !intake_.paused()) {
        const std::string_view rest = bytes.substr(used);
        const bool in_body =
            state_ == State::body || state_ == State::rest || state_ == State::chunk;
        used += in_body ? take_body(rest) : take_line(rest);
    }
    return used;
}

std::size_t H1Reader::take_line(std::string_view bytes) {
    const bool of_head = state_ == State::head || state_ == State::trailers;
    const std::size_t end = bytes.find('\n');
    const std::size_t size = end == std::string_view::npos ? bytes.size() : end + 1;
    if (of_head && !intake_.head_bytes(size)) {
        state_ = State::failed;
        return size;
    }
    if (!of_head && line_.size() + size > kMaxChunkLineBytes) {
        fail(HttpFault::protocol);
        return size;
    }
    if (end == std::string_view::npos) {
        line_ += bytes;
        return size;
    }
    if (line_.empty()) {
        line(trimmed(bytes.substr(0, end)));
    } else {
        line_ += bytes.substr(0, end);
        const std::string whole = std::exchange(line_, {});
        line(trimmed(whole));
    }
    return size;
}

void H1Reader::line(std::string_view text) {
    switch (state_) {
    case State::head:
        if (head_.status == 0) {
            keep_ = text.starts_with("HTTP/1.1 ");
        }
        if (head_.status == 0 && !text.starts_with("HTTP/1.")) {
            fail(HttpFault::protocol);
        } else if (add_head_line(head_, text)) {
            end_of_head();
        }
        return;
    case State::chunk_size: {
        const auto size = number(trimmed(text.substr(0, text.find(';'))), 16);
        if (!size) {
            fail(HttpFault::protocol);
            return;
        }
        left_ = *size;
        state_ = left_ == 0 ? State::trailers : State::chunk;
        return;
    }
    case State::chunk_end:
        state_ = State::chunk_size;
        if (!text.empty()) {
            fail(HttpFault::protocol);
        }
        return;
    case State::trailers: // nobody needs them
        state_ = text.empty() ? State::over : State::trailers;
        return;
    default:
        return;
    }
}

// RFC 9112 section 6.3
void H1Reader::end_of_head() {
    const int status = head_.status;
    const bool none = bodiless_ || status == 204 || status == 304;
    const std::string_view coding = head_.header("transfer-encoding");
    const bool chunked = !none && lower_case(coding).ends_with("chunked");
    bool good = true;
    const auto length = content_length(head_, good);
    const auto size = length ? number(*length, 10) : std::nullopt;
    keep_ = keep_ && lower_case(head_.header("connection")).find("close") == std::string::npos;
    if (!none && coding.empty() && length && (!good || !size)) {
        fail(HttpFault::protocol);
        return;
    }
    if (none) {
        state_ = State::over;
    } else if (chunked) {
        state_ = State::chunk_size;
    } else if (coding.empty() && size) {
        left_ = *size;
        state_ = left_ == 0 ? State::over : State::body;
    } else {
        left_ = std::numeric_limits<std::uint64_t>::max();
        state_ = State::rest;
        keep_ = false;
    }
    if (!intake_.head(std::exchange(head_, {}))) {
        state_ = State::failed;
    }
}

std::size_t H1Reader::take_body(std::string_view bytes) {
    const std::string_view piece = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
    switch (intake_.body(piece)) {
    case ResponseIntake::Taken::paused:
        return 0;
    case ResponseIntake::Taken::stop:
        state_ = State::failed;
        return piece.size();
    case ResponseIntake::Taken::yes:
        break;
    }
    if (state_ != State::rest) {
        left_ -= piece.size();
    }
    if (left_ == 0) {
        state_ = state_ == State::body ? State::over : State::chunk_end;
    }
    return piece.size();
}

bool H1Reader::end_of_stream() {
    if (state_ == State::rest) {
        state_ = State::over;
    }
    return over();
}

void H1Reader::fail(HttpFault fault) {
    intake_.refuse(fault);
    state_ = State::failed;
}

} // namespace mr::net
