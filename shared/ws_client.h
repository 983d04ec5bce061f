// The client's end of one WebSocket connection (RFC 6455) without its I/O: bytes of the server go
// in, events come out, bytes for the server lie in output(). Opening handshake, pongs, close
// handshake and the answer to a broken rule are done here; sockets, time limits and pings of one's
// own accord are the caller's. Knows nothing of what a message means.
//
// Use, for every piece of input:
//
//     std::span<uint8_t> input = what_was_read;
//     for (;;) {
//         const WsClientEvent event = client.next(input);
//         if (event.kind == WsClientEventKind::need_more) break; // input is used up: read again
//         ...                                                    // event.payload: until next
//         next()
//     }
//     // now send client.output(), then client.spend() what was sent; read no more while
//     // client.output_full(); after client.finished() cut the socket.
//
// Life: connecting -> open -> closing (our Close is queued, the server's has not come) -> lingering
// (nothing is awaited but the end of the connection, which is the server's to make, section 7.1.1)
// -> finished. Whoever lingers sets a time limit, as in closing.
#pragma once

#include "shared/byte_queue.h"
#include "shared/ws_frame.h"
#include "shared/ws_upgrade.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace mr {

// Beyond the bound of the output this much may be queued for pongs and the Close frame. A caller
// that heeds output_full() and reads at most a quarter of it at once never comes near.
inline constexpr size_t kWsReplyHeadroomBytes = 256 * 1024;

// Draws the masks, 32 bits a frame. They have to be unpredictable (section 5.3): from the system's
// or OpenSSL's source. `draw` gets `context`.
struct WsMasks {
    uint32_t (*draw)(void* context) = nullptr;
    void* context = nullptr;
};

// What a connection is made with; outlives it. Many may share one.
struct WsClientOptions {
    WsTarget target{};
    FrameLimits limits{};                       // of what comes; rsv1_allowed stays false
    size_t max_output_bytes = 16 * 1024 * 1024; // queued; also what one message may have
    bool whole_messages = true;                 // false: data comes in pieces, nothing is kept
};

enum class WsClientState : uint8_t { connecting, open, closing, lingering, finished };

enum class WsClientEventKind : uint8_t {
    need_more, // all input is used up
    upgraded,  // the handshake is done: subprotocol()
    refused,   // the server answered with another status: response(); finished
    broken,    // the handshake failed: `text` says why; finished
    data,      // a message, or a piece of one
    ping,      // its pong is queued
    pong,
    close,     // the server's Close: close_code, payload (the reason). Answered if it was the first
    violation, // the server broke a rule: `text`, close_code as sent to it, if we could
};

// `payload` points into the input or into the client: until next() is called again.
struct WsClientEvent {
    WsClientEventKind kind = WsClientEventKind::need_more;
    Opcode opcode = Opcode::continuation; // data: text or binary
    bool message_start = false;           // data: first piece
    bool message_end = false;             // data: last piece; always where messages come whole
    uint16_t close_code = 0;              // close: 1005 if it had none
    std::span<uint8_t> payload;
    const char* text = ""; // static
};

enum class WsSend : uint8_t {
    queued,
    full,          // try again when output has been sent
    too_big,       // it could never be queued; a control frame may have 125 bytes
    not_open,      // not yet, or not any more
    out_of_memory, // nothing was queued
};

class WsClient {
  public:
    WsClient(const WsClientOptions& options, WsMasks masks) noexcept
        : options_(options), masks_(masks) {}

    // Queues the request. Null, or what is wrong with the target. Once.
    [[nodiscard]] const char* start(const uint8_t key_random[kWsKeyRandomBytes]) noexcept;

    // Takes one event out of `input`, which shrinks from the front. What comes after the server's
    // Close, a violation or a refusal is thrown away; so are messages and pings after our own
    // Close.
    [[nodiscard]] WsClientEvent next(std::span<uint8_t>& input) noexcept;

    // The connection ended, whoever ended it.
    void end() noexcept { state_ = WsClientState::finished; }

    // Queues a whole message. That text is UTF-8 is the caller's duty.
    WsSend send(Opcode opcode, ByteView payload) noexcept {
        return send_piece(opcode, payload, true);
    }
    // The same in frames; the opcode counts with the first. A message must end before the next.
    WsSend send_piece(Opcode opcode, ByteView payload, bool last) noexcept;
    WsSend ping(ByteView payload) noexcept;

    // Queues our Close frame behind everything, once. A code that may not be sent makes it empty.
    void close(CloseCode code, std::string_view reason = {}) noexcept;

    // To be sent, in order.
    ByteView output() const noexcept { return output_.view(); }
    void spend(size_t count) noexcept { output_.spend(count); }
    // The server does not read: its next frames should wait.
    bool output_full() const noexcept { return output_.size() > options_.max_output_bytes; }

    WsClientState state() const noexcept { return state_; }
    bool finished() const noexcept { return state_ == WsClientState::finished; }
    // Both Close frames were made; otherwise a connection that ends has been lost (1006).
    bool closed_cleanly() const noexcept { return close_sent_ && close_received_; }
    std::string_view subprotocol() const noexcept { return subprotocol_; }
    // After `refused` or `broken`; retry_after points into this client.
    const WsUpgradeResponse& response() const noexcept { return response_; }

  private:
    WsClientEvent take_response(std::span<uint8_t>& input) noexcept;
    bool take_event(const FrameEvent& event, WsClientEvent& out) noexcept;
    bool take_data(const FrameEvent& event, WsClientEvent& out) noexcept;
    void take_close(const FrameEvent& event, WsClientEvent& out) noexcept;
    void violated(uint16_t code, const char* text, WsClientEvent& out) noexcept;
    bool lend_scratch() noexcept;
    WsSend append_frame(Opcode opcode, ByteView payload, bool last, size_t bound) noexcept;
    void append_close(CloseCode code, std::string_view reason) noexcept;

    const WsClientOptions& options_;
    WsMasks masks_;
    FrameDecoder decoder_{Role::client};
    ByteQueue output_;
    Buffer message_; // that arrives in pieces; or has just been handed out
    Buffer head_;    // of the response
    Buffer scratch_; // for a control frame cut in two
    WsUpgradeResponse response_;
    std::string_view subprotocol_;
    char key_[kWsKeyChars] = {};
    WsClientState state_ = WsClientState::connecting;
    bool started_ = false;
    bool sending_message_ = false; // a frame without FIN was the last of ours
    bool message_out_ = false;     // message_ has been handed out
    bool close_sent_ = false;      // queued, that is
    bool close_received_ = false;
};

} // namespace mr
