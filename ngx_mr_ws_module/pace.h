// How fast a client may send: `mr_ws_frame_rate` and `mr_ws_byte_rate`, each a bucket that holds
// one second's worth. Whoever sends faster is not read from for a while, so that TCP slows it down
// and nobody else notices; only who has to be held back without a break for `mr_ws_rate_grace` is
// closed. Owns that arithmetic; reads no socket (connection_input.cpp does).
#pragma once

#include "ngx_mr_ws_module/ngx.h"

#include <cstdint>

namespace mr {

struct Connection; // connection.h

// A pause lasts this much longer than it has to, so that pauses are few.
inline constexpr uint64_t kPauseMoreMs = 50;
// Not held back for so long: the next pause is the first one again.
inline constexpr uint32_t kPaceBreakMs = 1000;

// Inside every connection. How long each bucket needed to be full again when it was last charged;
// the times are those of clock.h.
struct Pace {
    uint32_t frames_missing_us = 0;
    uint32_t bytes_missing_us = 0;
    uint32_t charged_at_ms = 0;
    uint32_t held_since_ms = 0; // the first pause of those that follow each other
    uint32_t let_go_at_ms = 0;  // the end of the last one
};

// One frame has come, so many bytes have. May pause reading, or close.
void pace_take_frame(Connection& connection) noexcept;
void pace_take_bytes(Connection& connection, size_t bytes) noexcept;

// The pause is over.
void pace_let_go(Connection& connection) noexcept;

} // namespace mr
