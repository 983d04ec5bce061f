#include "bench/load/fetch.h"

#include <sys/epoll.h>

#include <algorithm>
#include <charconv>

namespace mr::bench {
namespace {

constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kMaxHeadBytes = 16 * 1024;
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kLength = "\r\ncontent-length:";

// Where the answer must end, or SIZE_MAX where the end of the connection alone says so.
size_t whole_size(const std::string& head) {
    std::string lower = head;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const size_t at = lower.find(kLength);
    if (at == std::string::npos) {
        return SIZE_MAX;
    }
    size_t number = at + kLength.size();
    number = std::min(lower.find_first_not_of(' ', number), lower.size());
    size_t length = SIZE_MAX;
    std::from_chars(lower.data() + number, lower.data() + lower.size(), length);
    return length == SIZE_MAX ? length : head.size() + length;
}

// Empty when it is whole and says 200.
std::string fault_of(const std::string& answer, size_t received) {
    const size_t end = answer.find(kHeadEnd);
    if (!answer.starts_with("HTTP/1.") || end == std::string::npos) {
        return "the server closed the connection without an answer of HTTP/1.1";
    }
    const std::string status = answer.substr(answer.find(' ') + 1, 3);
    if (status != "200") {
        return "the answer is " + status;
    }
    const size_t whole = whole_size(answer.substr(0, end + kHeadEnd.size()));
    return whole == SIZE_MAX || whole == received ? "" : "the answer was cut off";
}

} // namespace

Fetch::Fetch(Clients& clients, FetchOwner& owner, uint64_t own_number)
    : number(own_number), clients_(clients), owner_(owner), wire_(clients, *this),
      request_("GET " + clients.target.path + " HTTP/1.1\r\nHost: " + clients.target.header +
               "\r\nConnection: close\r\n\r\n") {}

void Fetch::begin() {
    sent_ = received_ = 0;
    opening_ = true;
    answer_.clear();
    if (!wire_.open()) {
        clients_.loop.at(0, [this] { over(wire_.why()); });
    }
}

void Fetch::ready(uint32_t) {
    if (opening_) {
        const int step = wire_.go_on();
        if (step < 0) {
            return over(wire_.why());
        }
        if (step == 0) {
            return;
        }
        opening_ = false;
    }
    if (sent_ == request_.size() || send()) {
        read();
    }
}

bool Fetch::send() {
    const std::span<const uint8_t> all(reinterpret_cast<const uint8_t*>(request_.data()),
                                       request_.size());
    while (sent_ < all.size()) {
        const ssize_t count = wire_.write(all.subspan(sent_));
        if (count < 0) {
            over(wire_.why());
            return false;
        }
        if (count == 0) {
            wire_.want(EPOLLIN | EPOLLOUT);
            return true;
        }
        sent_ += static_cast<size_t>(count);
    }
    wire_.want(EPOLLIN);
    return true;
}

void Fetch::read() {
    uint8_t buffer[kReadBytes];
    for (;;) {
        const ssize_t count = wire_.read(buffer);
        if (count < 0) {
            return over(wire_.ended_in_order() ? fault_of(answer_, received_) : wire_.why());
        }
        if (count == 0) {
            return;
        }
        take({reinterpret_cast<const char*>(buffer), static_cast<size_t>(count)});
    }
}

void Fetch::take(std::string_view bytes) {
    received_ += bytes.size();
    answer_.append(bytes.substr(0, kMaxHeadBytes - std::min(kMaxHeadBytes, answer_.size())));
}

void Fetch::over(const std::string& why) {
    wire_.close();
    owner_.fetch_over(*this, why);
}

} // namespace mr::bench
