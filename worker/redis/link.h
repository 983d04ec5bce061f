// One Redis connection that comes back by itself: connects, authenticates, selects the database,
// names itself, loads the scripts, reads replies, and after any break starts over with a growing,
// jittered delay. With sentinels it asks them first, every time, and checks that the server agrees;
// it breaks when they name another primary. Base of Connection (commands) and Subscriber
// (channels); owns transport, parser, write buffer. Knows nothing of what the replies mean.
#pragma once

#include "shared/backoff.h"
#include "shared/redis_url.h"
#include "worker/log.h"
#include "worker/redis/sentinel.h"
#include "worker/redis/transport.h"
#include "worker/redis/value.h"

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>

namespace mr::redis {

inline constexpr std::chrono::milliseconds kConnectTimeout{3000};
inline constexpr std::chrono::milliseconds kCommandTimeout{2500};
inline constexpr uint32_t kReconnectFirstMs = 50;
inline constexpr uint32_t kReconnectMaxMs = 2000;
// A connection that lasts for less is one more failure: its delay goes on growing.
inline constexpr std::chrono::seconds kStable{2};
// Replies that nobody waits for are read when somebody is awake anyway, or this late.
inline constexpr std::chrono::milliseconds kQuietFor{10};
inline constexpr size_t kReadBytes = 256 * 1024; // per wake-up: on a busy loop they are rare
inline constexpr size_t kFeedBytes = 16 * 1024;  // of them at a time: what the parser takes best
inline constexpr size_t kKeptWriteBytes = 1024 * 1024; // a larger write buffer is given back

struct LinkOptions {
    RedisUrl url;
    std::string client_name; // CLIENT SETNAME
    std::string role;        // for logs: "commands", "jobs", "subscriptions"
    bool load_scripts = false;
    std::shared_ptr<SentinelWatch> sentinels = nullptr; // one for all links; null without
    std::chrono::milliseconds quiet_for = kQuietFor;
};

class Link : public std::enable_shared_from_this<Link> {
  public:
    virtual ~Link() = default;

    void start();
    // Final: nothing is called back after it but the failures of what was pending.
    void close();
    bool ready() const { return ready_; }
    const boost::asio::any_io_executor& executor() const { return executor_; }
    // Throws Error{timed_out} after `limit`.
    boost::asio::awaitable<void> wait_ready(std::chrono::steady_clock::duration limit);
    // Breaks the connection; it comes back. Pending commands fail.
    void drop(Failure failure, std::string_view cause);

  protected:
    Link(const boost::asio::any_io_executor& executor, LinkOptions options);

    bool closed() const { return closed_; }
    bool has_sentinels() const { return options_.sentinels != nullptr; }
    // Bytes appended here are written at the end of this loop turn, in one write.
    Buffer& output();

    // Nobody waits for a reply that is due: none has to wake this process.
    virtual bool patient() const { return false; }
    // patient() may have changed.
    void settle_reading();
    // Hands out the replies that have come meanwhile.
    void read_replies_now();

    virtual void on_ready() = 0;
    virtual void on_reply(const Reply& reply) = 0;
    virtual void on_down(Failure failure) = 0;

  private:
    boost::asio::awaitable<void> run();
    boost::asio::awaitable<void> attempt();
    boost::asio::awaitable<Endpoint> find_endpoint();
    boost::asio::awaitable<void> shake_hands();
    boost::asio::awaitable<void> read_loop();
    boost::asio::awaitable<Value> read_reply();
    void parse(std::span<const uint8_t> bytes);
    void take_replies();
    void append_handshake();
    void flush();
    void look_later();
    void went_down();
    void primary_moved();
    void log_failure(bool was_ready, uint32_t delay_ms);

    boost::asio::any_io_executor executor_;
    LinkOptions options_;
    std::string name_;   // of the URL, for logs: without password
    std::string target_; // the same, with the primary that is being connected to
    std::unique_ptr<Transport> transport_;
    boost::asio::steady_timer timer_; // connect deadline, later the reconnect delay
    boost::asio::steady_timer look_timer_;
    Backoff backoff_{kReconnectFirstMs, kReconnectMaxMs};
    RespReader reader_;
    std::unique_ptr<uint8_t[]> read_buffer_;
    std::unique_ptr<Buffer> output_ = std::make_unique<Buffer>();
    std::unique_ptr<Buffer> writing_ = std::make_unique<Buffer>();
    size_t handshake_replies_ = 0;
    PrimaryAddress primary_; // with sentinels: what the present attempt is about
    Failure failure_ = Failure::none;
    std::string cause_;
    log::Repeat logged_;
    std::chrono::steady_clock::time_point ready_at_{};
    uint32_t failures_ = 0; // in a row
    bool write_under_way_ = false;
    bool flush_posted_ = false;
    bool ready_ = false;
    bool quiet_ = false;    // replies are left where they are
    bool look_due_ = false; // by look_timer_
    bool waiting_ = false;  // for the next attempt
    bool broken_ = false;   // the present transport is done for
    bool closed_ = false;
};

} // namespace mr::redis
