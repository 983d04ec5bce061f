// The server's end of a WebSocket for providers that speak one: takes over the connection of an
// exchange that asked for it, answers pings, gives whole messages to one coroutine and sends what
// that says, in whichever form a test wants, broken ones included. Knows no provider.
#pragma once

#include "shared/ws_frame.h"
#include "tests/emulator/carrier.h"
#include "tests/emulator/exchange.h"

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mr::emulator {

inline constexpr std::size_t kMaxSocketMessageBytes = 4 * 1024 * 1024; // else 1009
inline constexpr std::size_t kMaxSocketUnreadBytes = 16 * 1024 * 1024; // not yet received: reset
inline constexpr std::chrono::milliseconds kSocketCloseLimit{2'000};   // for the client's Close

// What is wrong with a request for a WebSocket (RFC 6455 section 4.2.1); empty: nothing.
std::string upgrade_problem(const Request& request);

struct SocketMessage {
    Opcode opcode = Opcode::text; // or binary
    std::string payload;
};

class WebSocket final : public Carrier, public std::enable_shared_from_this<WebSocket> {
  public:
    // Answers 101, with these headers besides. Only for a request without upgrade_problem().
    static std::shared_ptr<WebSocket> accept(std::shared_ptr<Exchange> exchange,
                                             const Headers& headers);
    explicit WebSocket(std::shared_ptr<Exchange> exchange);

    // The next message of the client; nullopt when the time has come, or when none will come any
    // more: is_over(). One waiter. wake() ends a wait as if its time had come.
    boost::asio::awaitable<std::optional<SocketMessage>>
    receive(Clock::time_point until = Clock::time_point::max());
    void wake() { timer_.cancel(); }
    // Until that time. False: the client has gone. What it sends meanwhile waits.
    boost::asio::awaitable<bool> pause_until(Clock::time_point time);

    void send(Opcode opcode, std::string_view payload);
    void text(std::string_view payload) { send(Opcode::text, payload); }
    void ping(std::string_view payload = {}) { send(Opcode::ping, payload); }
    void raw(std::string_view bytes); // as they are, frame or not
    // Sends Close and ends when the client's has come, or its time is over.
    void close(std::uint16_t code, std::string_view reason = {});
    void cut();   // the TCP connection ends, without Close
    void reset(); // TCP RST

    // Takes and answers nothing any more, pings included, and lets the connection be.
    void play_dead() { dead_ = true; }
    void fragments(std::size_t bytes) { fragment_bytes_ = bytes; } // of messages from now; 0: whole

    bool is_over() const { return over_; } // nothing can be said or heard any more
    bool client_closed() const { return closed_by_client_; } // its Close came before ours
    // Of the client's Close frame: 1005 if it had no code, 1006 if there was no frame.
    std::uint16_t close_code() const { return close_code_; }
    std::size_t pings() const { return pings_; } // of the client
    std::size_t unsent() const { return channel_->unsent(); }

    void arrived(std::string_view bytes) override;
    void sent() override {}
    void gone() override;

  private:
    void take(const FrameEvent& event);
    void take_data(const FrameEvent& event);
    void take_close(const FrameEvent& event);
    void frame(Opcode opcode, bool fin, std::string_view payload);
    void close_frame(std::uint16_t code, std::string_view reason);
    void end(bool orderly);
    void over();

    std::shared_ptr<Exchange> exchange_;
    std::shared_ptr<Channel> channel_;
    boost::asio::steady_timer timer_, closing_;
    FrameDecoder decoder_{Role::server};
    std::array<std::uint8_t, kMaxControlPayloadBytes> scratch_{};
    SocketMessage partial_;
    std::deque<SocketMessage> unread_;
    std::size_t unread_bytes_ = 0, fragment_bytes_ = 0, pings_ = 0;
    bool over_ = false, dead_ = false, close_sent_ = false, closed_by_client_ = false;
    std::uint16_t close_code_ = 1006;
};

} // namespace mr::emulator
