// The few events that the gateway makes itself (docs/protocol.md): `connected`, `queued`, and what
// a client is told when its mail could not be taken. Owns their JSON texts, which hold nothing but
// fixed words, numbers and identifiers.
#pragma once

#include "ngx_mr_ws_module/follower.h"
#include "shared/error_code.h"

#include <cstdint>

namespace mr {

inline constexpr uint64_t kResumeTokenSeconds = 24 * 3600;

// The greeting, or later the notice that the stream was broken (`recovered` false). Nothing for the
// echo app.
void gateway_connected(Follower& connection, bool recovered) noexcept;

// v2 only: a new access token holds.
void gateway_authenticated(Follower& connection) noexcept;

// v2 only: no worker has claimed the session's mail yet.
void gateway_queued(Follower& connection, uint32_t waited_ms) noexcept;

// An `error` event. With `ends_turn` the question it answers is ended in form: a text and
// `response_complete` (not in strict mode).
void gateway_error(Follower& connection, ErrorCode code, uint32_t retry_after_ms,
                   bool ends_turn) noexcept;

} // namespace mr
