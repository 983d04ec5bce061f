// The server's end of one connection of the floor: TLS, the upgrade, frames. As little as a
// WebSocket server can do: no pings, no close handshake, no messages in pieces, no limits but
// sizes.
#pragma once

#include "bench/load/loop.h"
#include "shared/byte_queue.h"
#include "shared/ws_frame.h"

#include <openssl/ssl.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace mr::bench {

class FloorConnection;

class FloorOwner {
  public:
    virtual void floor_text(FloorConnection& connection, std::string_view message) = 0;
    // Last call: the owner destroys it, not before this turn of the loop is over.
    virtual void floor_ended(FloorConnection& connection) = 0;

  protected:
    ~FloorOwner() = default;
};

class FloorConnection final : private Ready {
  public:
    // Takes the socket and `ssl` (null: without TLS).
    FloorConnection(Loop& loop, FloorOwner& owner, uint64_t number, int socket, SSL* ssl);
    ~FloorConnection();
    FloorConnection(const FloorConnection&) = delete;
    FloorConnection& operator=(const FloorConnection&) = delete;

    const uint64_t number;
    // Queues a frame; flush() sends all that is queued in one write.
    void queue_text(std::string_view text);
    void flush();
    bool dirty = false; // for the owner: something is queued

  private:
    void ready(uint32_t events) override;
    bool shake_hands();
    void read();
    void take(std::span<uint8_t> input);
    bool upgrade(); // false: the request is not whole, or was refused
    void end();
    void want(uint32_t events);

    Loop& loop_;
    FloorOwner& owner_;
    int socket_;
    SSL* ssl_;
    bool secured_;
    bool open_ = false; // upgraded
    uint32_t wanted_;
    std::string request_;
    std::string message_;
    FrameDecoder decoder_{Role::server};
    uint8_t scratch_[kMaxControlPayloadBytes];
    ByteQueue output_;
};

} // namespace mr::bench
