// A WebSocket to a server (ws, wss) from coroutines, on the engine of shared/ws_client.h: pongs,
// close handshake and the answer to a broken rule are made while nobody waits here, as are pings of
// our own. No compression, no redirects, no reconnecting, no proxy but the one that is named. Knows
// nothing of providers.
//
// Cancellation: a receive() or send() that is cancelled (Asio, terminal) takes nothing and leaves
// the connection as it is; a cancelled connect() or close() cuts it, as does the destructor, each
// in the same loop turn. Only a close handshake that is under way without anybody waiting ends by
// itself, within its time limit.
#pragma once

#include "shared/ws_frame.h"
#include "worker/net/byte_stream.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mr::net {

// Zero is no limit for `idle` and `ping`.
struct WsTimeouts {
    std::chrono::milliseconds connect{5'000};  // name lookup, TCP, the proxy, TLS
    std::chrono::milliseconds upgrade{10'000}; // until the server's answer to the request
    std::chrono::milliseconds idle{120'000};   // nothing has come, of what would have been taken
    std::chrono::milliseconds ping{20'000};    // nothing has come: ask
    std::chrono::milliseconds send{30'000};    // the server takes nothing of what is queued
    std::chrono::milliseconds close{2'000};    // from a Close frame to the end of the connection
};

inline constexpr std::size_t kMaxWsMessageBytes = 1024 * 1024; // unless the options say otherwise
inline constexpr std::size_t kMaxWsSendBytes = 1024 * 1024;    // queued, and so of one message
inline constexpr std::size_t kMaxWsWaitingBytes = 1024 * 1024; // received and not taken: then the
inline constexpr std::size_t kMaxWsWaitingMessages = 1024;     // server has to wait

struct WsOptions {
    explicit WsOptions(std::string ws_url) : url(std::move(ws_url)) {}

    std::string url;                  // in messages only scheme, host and port of it appear
    std::vector<std::string> headers; // "Name: value"; never in a message
    std::string subprotocols;         // "a, b"; empty: none
    std::shared_ptr<TlsTrust> trust;  // of wss; null: the system's, read again for this connection
    std::string proxy;                // http://[user:password@]host[:port]; empty: none
    std::string connect_to;           // host:port instead of the URL's, where certificates are
                                      // checked for the URL's host
    WsTimeouts timeouts;
    std::uint32_t max_unanswered_pings = 2;
    std::size_t max_message_bytes = kMaxWsMessageBytes;
    std::size_t max_send_bytes = kMaxWsSendBytes;
    std::size_t max_waiting_bytes = kMaxWsWaitingBytes;
};

enum class WsFault : std::uint8_t {
    bad_request, // the URL, a header, the message: nothing was sent
    connect,     // name lookup, connection
    tls,         // handshake or certificate
    timeout,
    refused,  // the server answered the upgrade with another status
    protocol, // the server broke a rule of HTTP or RFC 6455
    too_large,
    lost,   // the connection broke off without a Close frame
    closed, // send() after the end
};

// The text is for logs.
class WsError : public std::runtime_error {
  public:
    WsError(WsFault fault, const std::string& text, int status = 0, std::string retry_after = {})
        : std::runtime_error(text), fault_(fault), status_(status),
          retry_after_(std::move(retry_after)) {}
    WsFault fault() const noexcept { return fault_; }
    int status() const noexcept { return status_; } // of the response to the upgrade, if any
    // As the server wrote it: seconds or an HTTP date.
    const std::string& retry_after() const noexcept { return retry_after_; }

  private:
    WsFault fault_;
    int status_;
    std::string retry_after_;
};

struct WsMessage {
    Opcode opcode = Opcode::text; // or binary
    std::string payload;
};

class WsLink;

// One connection, used once. A connect(), receive(), send() and close() of its own each may wait at
// a time; it outlives them, and the loop outlives it.
class WsConnection {
  public:
    WsConnection(const boost::asio::any_io_executor& executor, WsOptions options);
    ~WsConnection();
    WsConnection(const WsConnection&) = delete;
    WsConnection& operator=(const WsConnection&) = delete;

    // First of all. Throws WsError.
    boost::asio::awaitable<void> connect();
    // The next message; nullopt behind the last one once either side has closed. Throws WsError
    // behind the last one if the connection ended otherwise.
    boost::asio::awaitable<std::optional<WsMessage>> receive();
    // Queues a message; waits while there is no room. That text is UTF-8 is the caller's duty.
    // Throws WsError.
    boost::asio::awaitable<void> send(Opcode opcode, std::string payload);
    // Closes behind what is queued and waits for the end. True: the server has closed as well.
    boost::asio::awaitable<bool> close(CloseCode code = CloseCode::normal, std::string reason = {});

    bool is_open() const;
    std::string_view subprotocol() const; // the server's choice; empty: none
    std::uint16_t close_code() const;     // of the server's Close frame: 1005 if it had none, 1006
    const std::string& close_reason() const; // without a frame

  private:
    boost::asio::any_io_executor executor_;
    WsOptions options_;
    std::shared_ptr<WsLink> link_;
};

} // namespace mr::net
