// What Pushpin is told and tells, as text: a ZeroMQ PUSH socket that its handler pulls from, and
// the requests of WebSocket-over-HTTP (GRIP) that its proxy sends to a backend. Knows no sockets.
#pragma once

#include "bench/load/peer_dialect.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mr::bench {

// ZMTP 3.0: what a PUSH socket without security says first.
std::string zmtp_hello();
// Appends one message of one part.
void append_zmtp_message(std::string& out, std::string_view message);
// What the other side says before it takes messages: its greeting, and its READY in one frame.
bool zmtp_is_ready(std::string_view received);

// One publication for the channel: a message of its WebSockets (tnetstrings).
std::string pushpin_publication(std::string_view channel, std::string_view text);

struct BackendRequest {
    std::string session; // of the path's query
    std::string body;    // events of a connection: "OPEN\r\n", "TEXT 1f\r\n…\r\n"
    size_t size = 0;     // of the whole request
    bool opens() const { return body.starts_with("OPEN\r\n"); }
};

inline constexpr size_t kMaxBackendRequestBytes = 64 * 1024;

// The first request of what has been received; nullopt: it is not whole. Throws std::runtime_error
// when it is none, or too long.
std::optional<BackendRequest> read_backend_request(std::string_view received);
// The answer: an opened connection is accepted and subscribed to its session's channel.
std::string backend_reply(const BackendRequest& request);

} // namespace mr::bench
