#include "worker/net/sse.h"

#include <algorithm>

namespace mr::net {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kMaxRetryDigits = 9;

std::optional<std::uint64_t> number(std::string_view text) {
    if (text.empty() || text.size() > kMaxRetryDigits) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
}

// Of its CR or LF. Two searches for one byte each: one for either of them goes byte by byte.
std::size_t end_of_line(std::string_view bytes) {
    const std::size_t lf = bytes.find('\n');
    return std::min(lf, bytes.substr(0, lf).find('\r'));
}

} // namespace

bool SseDecoder::feed(std::string_view bytes, const SseSink& sink) {
    while (!bytes.empty() && !failed_) {
        if (after_cr_ && bytes.front() == '\n') {
            bytes.remove_prefix(1);
        }
        after_cr_ = false;
        const std::size_t end = end_of_line(bytes);
        if (!keep(bytes.substr(0, end))) {
            failed_ = true;
            break;
        }
        if (end == std::string_view::npos) {
            break;
        }
        after_cr_ = bytes[end] == '\r';
        bytes.remove_prefix(end + 1);
        end_line(sink);
    }
    return !failed_;
}

void SseDecoder::finish(const SseSink& sink) {
    if (!failed_ && !line_.empty()) {
        end_line(sink);
    }
    if (!failed_) {
        dispatch(sink);
    }
    failed_ = true;
}

bool SseDecoder::keep(std::string_view part) {
    if (data_.size() + line_.size() + part.size() > max_event_bytes_) {
        return false;
    }
    line_ += part;
    return true;
}

void SseDecoder::end_line(const SseSink& sink) {
    std::string_view line = line_;
    if (first_line_ && line.starts_with(kByteOrderMark)) {
        line.remove_prefix(kByteOrderMark.size());
    }
    first_line_ = false;
    if (line.empty()) {
        dispatch(sink);
    } else if (line.front() != ':') {
        const std::size_t colon = line.find(':');
        std::string_view value =
            colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
        if (value.starts_with(' ')) {
            value.remove_prefix(1);
        }
        field(line.substr(0, colon), value);
    }
    line_.clear();
}

void SseDecoder::field(std::string_view name, std::string_view value) {
    if (name == "data") {
        data_ += value;
        data_ += '\n';
    } else if (name == "event") {
        type_ = value;
    } else if (name == "id") {
        if (value.find('\0') == std::string_view::npos) {
            id_ = value;
        }
    } else if (name == "retry") {
        if (const auto time = number(value)) {
            retry_ms_ = time;
        }
    }
}

void SseDecoder::dispatch(const SseSink& sink) {
    if (!data_.empty()) {
        std::string data = std::move(data_);
        data.pop_back(); // the LF behind the last line
        const std::string type = std::move(type_);
        data_.clear();
        type_.clear();
        SseEvent event;
        event.type = type.empty() ? std::string_view("message") : std::string_view(type);
        event.data = data;
        event.id = id_;
        sink(event);
    }
    type_.clear();
}

} // namespace mr::net
