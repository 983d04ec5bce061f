// What a WsConnection has running behind it: the stream, the engine, one coroutine that reads, one
// that watches the clock, writes one at a time. It holds itself while they run, so that a close
// handshake may outlive the connection's owner. Waiters sleep on its signals.
#pragma once

#include "shared/ws_client.h"
#include "worker/async.h"
#include "worker/net/url_target.h"
#include "worker/net/ws_client.h"

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mr::net {

inline constexpr std::size_t kWsReadBytes = 16 * 1024;
inline constexpr std::size_t kWsWriteBytes = 64 * 1024; // of the queue at a time

// A ws or wss URL, taken apart. Throws WsError{bad_request}.
struct WsUrl : UrlTarget {
    explicit WsUrl(const std::string& url);

    bool tls = false;
};

class WsLink : public std::enable_shared_from_this<WsLink> {
  public:
    enum class Phase : std::uint8_t {
        connecting,
        securing,
        upgrading,
        open,
        ending, // a Close frame or a broken rule: until the server ends the connection
        ended,
    };

    // Throws WsError.
    WsLink(const boost::asio::any_io_executor& executor, const WsOptions& options);

    void start();
    // Cuts the connection, for good.
    void end();
    // Its owner is gone.
    void abandon();
    void begin_close(CloseCode code, std::string_view reason);

    Phase phase() const { return phase_; }
    const mr::WsClient& engine() const { return engine_; }
    std::uint16_t close_code() const { return close_code_; }
    const std::string& close_reason() const { return close_reason_; }
    // Throws the error if there was one.
    void check() const;

    std::optional<WsMessage> take_message();
    // Sends what there is room for: see mr::WsClient::send.
    WsSend send(Opcode opcode, std::string_view payload);
    WsError error(WsFault fault, const std::string& text) const;

    Signal opened;   // or failed
    Signal received; // or over
    Signal room;     // or over
    Signal over;     // ended

  private:
    using Clock = std::chrono::steady_clock;

    void describe_target();
    void describe_way();
    boost::asio::awaitable<void> run();
    boost::asio::awaitable<void> read();
    boost::asio::awaitable<void> watch();
    void enter(Phase phase, Clock::duration limit);
    void begin_upgrade();
    void take(std::span<uint8_t> input);
    void take_event(const WsClientEvent& event);
    void begin_ending();
    void fail(WsFault fault, const std::string& text);
    void note(WsError error);
    void stream_ended(const std::exception& cause);
    void flush();
    void written(const boost::system::error_code& error);
    bool reading_paused() const;
    void look_again();
    Clock::time_point next_look() const;
    void look(Clock::time_point now);
    void look_at_open(Clock::time_point now);
    void ask(Clock::time_point now);
    void notify_all();

    boost::asio::any_io_executor executor_;
    WsOptions options_;
    WsUrl url_;
    std::vector<WsHeader> headers_; // views into options_
    WsClientOptions engine_options_;
    std::unique_ptr<ByteStream> stream_;
    mr::WsClient engine_;
    Phase phase_ = Phase::connecting;
    std::optional<WsError> error_;
    Signal resumed_;
    Signal clock_;
    std::deque<WsMessage> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::array<uint8_t, kWsReadBytes> input_{};
    std::vector<uint8_t> writing_; // not empty: a write is under way
    Clock::time_point phase_ends_{};
    Clock::time_point received_at_{}; // the last byte, or the end of a pause of ours
    Clock::time_point pinged_at_{};
    Clock::time_point progress_at_{}; // of writing
    std::uint32_t unanswered_pings_ = 0;
    bool was_paused_ = false;
    bool write_failed_ = false;
    std::uint16_t close_code_ = static_cast<std::uint16_t>(CloseCode::abnormal_closure);
    std::string close_reason_;
};

} // namespace mr::net
