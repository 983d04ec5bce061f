// permessage-deflate for the connections of this process (RFC 7692). Owns the one compressor all of
// them share, a few inflaters that wait for the next message, and nothing per connection between
// two messages: an inflater belongs to a connection only while a compressed message is arriving.
#pragma once

#include "ngx_mr_ws_module/connection.h"

#include <span>

namespace mr {

// Inflaters kept for the next message: as many as usually arrive in pieces at the same time.
inline constexpr size_t kIdleInflaters = 4;
// Longer messages go out as they are: compressing one would hold everybody else up.
inline constexpr size_t kMaxDeflateBytes = 1024 * 1024;
// A larger buffer for compressed output is given back after use.
inline constexpr size_t kKeptDeflateBytes = 64 * 1024;

// A piece of a compressed message: inflated behind what `connection.message` holds. False: the
// connection is being closed, or has broken the protocol.
bool deflate_input(Connection& connection, const FrameEvent& event) noexcept;

// Queues a frame: compressed where that was agreed upon, the message has at least
// `mr_ws_deflate_min_size` and at most kMaxDeflateBytes, and it gets shorter. False: out of memory,
// and nothing was queued.
bool deflate_append(Connection& connection, Opcode opcode,
                    std::span<const ByteView> parts) noexcept;

// Whatever message is arriving is given up.
void deflate_release(Connection& connection) noexcept;

// The process ends; no connection is left.
void deflate_exit() noexcept;

} // namespace mr
