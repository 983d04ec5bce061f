// `mr_ws_session_log`: one line per ended connection or request, a JSON object, in a file of its
// own that USR1 reopens as it does nginx's logs. Owns format, escaping and the buffer; a line is
// written at the latest a second later, many with one write(2). Never waits for the disk otherwise:
// what the file does not take is lost, and counted.
#pragma once

#include "ngx_mr_ws_module/ngx.h"

#include <string_view>

namespace mr {

struct Connection; // connection.h
struct Follower;   // follower.h

// Per file and process.
inline constexpr size_t kSessionLogBytes = 64 * 1024;
inline constexpr ngx_msec_t kSessionLogFlushMs = 1000;
inline constexpr size_t kMaxSessionLineChars = 4096;

// A file that sessions are logged to. One per file, however many locations name it.
struct SessionLog {
    ngx_open_file_t* file = nullptr;
    char* buffer = nullptr; // of the process, made with the first line
    size_t used = 0;
    uint32_t lines = 0; // in the buffer
    ngx_msec_t complained_at = 0;
    ngx_event_t timer{};
    ngx_connection_t nowhere{}; // nginx's debug log reads the descriptor behind a timer
};

// For the table in module.cpp.
char* set_session_log(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;

// Why the connection ends, in the words of whoever ends it; the first one counts. Copied.
void session_log_reason(Connection& connection, std::string_view reason) noexcept;

// What a line says beside what every follower has.
struct SessionEnd {
    std::string_view session; // its id; empty: none
    ngx_msec_t duration_ms = 0;
    uint64_t frames_in = 0;
    uint64_t frames_out = 0;
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;
    uint64_t messages_in = 0;
    uint64_t messages_out = 0;
    uint32_t code = 0;      // of the Close frame; HTTP's status
    bool by_client = false; // who ended it
    std::string_view reason;
};

// The line of a connection. The session has to be known still.
void session_log_end(const Connection& connection) noexcept;

// The line of any follower; nothing where its location has no log.
void session_log_write(const Follower& follower, const SessionEnd& end) noexcept;

// The process ends: what is buffered is written.
void session_log_exit(ngx_cycle_t* cycle) noexcept;

} // namespace mr
