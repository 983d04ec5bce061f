// How a question over HTTP ends, and who is told: gauges and counters of requests in flight, and
// the line in the session log. Owns the list of those this process has; never answers anybody.
#pragma once

#include <cstdint>
#include <string_view>

namespace mr {

struct HttpChat; // http_chat.h

// Why. The first one that is noted counts, but for `completed`, which the socket may know better.
enum class HttpEnd : uint8_t {
    none,
    completed,
    aborted,       // the client has gone
    drained,       // nginx reloads or stops
    timed_out,     // nothing came for mr_ws_http_timeout
    token_expired, // the access token
    slow,          // the client took nothing for mr_ws_send_timeout
    failed,
};

// The request is let in: it is in flight until http_chat_gone().
void http_chat_began(HttpChat& chat) noexcept;

// `reason`, for the log, is a literal.
void http_chat_note(HttpChat& chat, HttpEnd end, std::string_view reason) noexcept;

// The request ends; nothing if it was not let in.
void http_chat_gone(HttpChat& chat) noexcept;

// The process ends: those in flight have their lines, too. The session log is still there.
void http_chats_exit() noexcept;

} // namespace mr
