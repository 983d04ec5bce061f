// Bytes on their way to one socket: frames are appended while the process handles an event and
// leave together in one send. Owns the bytes, in one block, so that small frames share a write and
// a TLS record; gives the block back when it is empty. Never decides when to send, never drops.
#pragma once

#include "ngx_mr_ws_module/ngx.h"
#include "shared/buffer.h"
#include "shared/bytes.h"
#include "shared/ws_frame.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace mr {

enum class SendResult : uint8_t { all, blocked, failed };

class OutputQueue {
  public:
    // One unfragmented, unmasked frame out of several pieces, with RSV1 for a compressed message.
    // False: out of memory, and nothing was appended.
    bool append_frame(Opcode opcode, std::span<const ByteView> parts, bool rsv1 = false) noexcept;
    // As they are. False: out of memory.
    bool append(ByteView bytes) noexcept { return make_room(bytes.size()) && bytes_.append(bytes); }

    // Hands the kernel (or OpenSSL) what it takes. `taken` is how much that was. Never calls send
    // on a socket that is known to be full.
    SendResult send(ngx_connection_t* socket, size_t& taken) noexcept;

    size_t bytes() const noexcept { return bytes_.size() - sent_; }
    bool empty() const noexcept { return bytes() == 0; }
    void release() noexcept;

  private:
    bool make_room(size_t more) noexcept;

    Buffer bytes_;
    size_t sent_ = 0; // of bytes_, from the front
};

} // namespace mr
