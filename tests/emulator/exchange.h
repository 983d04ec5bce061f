// One request and the way to answer it, whatever HTTP version carries it. The answer's coroutine
// waits here: until a time, or until what it sent is out; it is told when the client has gone.
#pragma once

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mr::emulator {

class Carrier;
class Channel;

using Clock = std::chrono::steady_clock; // CLOCK_MONOTONIC: the same for all processes
using Headers = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::size_t kMaxBodyBytes = 32 * 1024 * 1024; // of a request
inline constexpr std::size_t kMaxHeadBytes = 64 * 1024;
inline constexpr std::size_t kMaxUnsentBytes = 256 * 1024; // of an answer whose client is slow

struct Request {
    std::string method, path, query; // path and query as sent, still escaped
    Headers headers;                 // names in lower case
    std::string host, version, body; // version "1.1" or "2"
    std::uint64_t connection = 0;
    bool secure = false;
    Clock::time_point begun, arrived; // its head; its last byte

    const std::string* header(std::string_view name) const;
    std::string target() const { return query.empty() ? path : path + "?" + query; }
};

class Exchange : public std::enable_shared_from_this<Exchange> {
  public:
    Exchange(const boost::asio::any_io_executor& executor, Request request)
        : request_(std::move(request)), timer_(executor) {}
    virtual ~Exchange() = default;

    const Request& request() const { return request_; }

    // In this order: head once, data any number of times, one of finish, cut, reset.
    // `length` is the body's; without it the body ends with finish().
    virtual void head(int status, const Headers& headers, std::optional<std::size_t> length) = 0;
    virtual void data(std::string_view bytes) = 0;
    virtual void finish() = 0;
    virtual void cut() = 0;   // HTTP/1.1: the connection ends. HTTP/2: RST_STREAM
    virtual void reset() = 0; // TCP RST, at once

    // Instead of an answer: the connection itself, whose bytes are `next`'s from here on, and what
    // the client has sent behind its request. HTTP/1.1 alone; else there is no channel.
    struct Taken {
        std::shared_ptr<Channel> channel;
        std::string rest;
    };
    virtual Taken take_over(std::shared_ptr<Carrier> next);
    boost::asio::any_io_executor executor() { return timer_.get_executor(); }

    std::size_t body_bytes() const { return body_bytes_; } // of the answer's body, all
    // Of the answer's body, as far as the kernel has it.
    std::size_t sent_bytes() const {
        return gone_at_ ? sent_then_ : body_bytes_ - std::min(body_bytes_, unsent());
    }
    std::optional<Clock::time_point> gone_at() const { return gone_at_; }
    std::function<void()> on_gone;

    // True: the time has come. False: the client has gone.
    boost::asio::awaitable<bool> pause_until(Clock::time_point time);
    boost::asio::awaitable<bool> forever() { return pause_until(Clock::time_point::max()); }
    // Until no more than `left` bytes are unsent. False: the client has gone.
    boost::asio::awaitable<bool> room(std::size_t left = kMaxUnsentBytes);

    // For who carries it.
    void went_away();
    void moved() { timer_.cancel(); }

  protected:
    virtual std::size_t unsent() const = 0;
    virtual void waits(bool) {} // for room, or no longer
    std::size_t body_bytes_ = 0;

  private:
    Request request_;
    boost::asio::steady_timer timer_;
    std::optional<Clock::time_point> gone_at_;
    std::size_t sent_then_ = 0;
};

// Answers an exchange; starts a coroutine of its own.
using Serve = std::function<void(std::shared_ptr<Exchange>)>;

} // namespace mr::emulator
