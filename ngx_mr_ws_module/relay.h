// The relay half of the module: client messages into the in lane of their session, batches of the
// out lane to the connections that follow it. Owns sessions, their Redis links and the greeting.
// Never parses JSON, never touches a socket of a client (connection.h does), keeps nothing that
// another process would need. Everything here is called on the event loop of one nginx process and
// never throws.
#pragma once

#include "ngx_mr_ws_module/ngx.h"
#include "shared/bytes.h"
#include "shared/ids.h"
#include "shared/ws_frame.h"

#include <cstdint>
#include <string_view>

namespace mr {

struct Follower;    // follower.h
struct Hub;         // hub.h
struct MainConf;    // settings.h
struct RedisTarget; // redis_target.h
struct Session;     // session.h

// What the relay keeps inside every connection. Plain data: zero bytes are the valid empty state.
// Only files of the relay look inside.
struct RelayLink {
    Session* session = nullptr;
    Follower* previous = nullptr; // siblings: the other followers of the session in this process
    Follower* next = nullptr;
    EventId cursor;                // the newest event queued for this connection
    uint32_t unanswered_bytes = 0; // mail handed to Redis and not answered yet
    uint32_t mails = 0;            // handed to Redis so far: the number of the last one
    uint32_t turn = 0;             // tag of the newest turn it has heard of
    uint16_t unanswered = 0;       // not answered yet, in messages
    uint8_t refusals = 0;          // messages refused since one was taken
    bool behind : 1 = false;       // needs a read of the log
    bool in_read : 1 = false;      // takes part in the log read that is under way
    bool lagging : 1 = false;      // its socket is full: waits for relay_drained
    bool paused : 1 = false;       // reading from the client is paused: mail is not answered yet
    bool owner_due : 1 = false;    // whose the session is has still to be asked
    bool held : 1 = false;         // the same until the next tick: more than is looked at
    bool choked : 1 = false;       // one message at a time: its lane is filling, or refuses it
    bool greet : 1 = false;        // a resume whose `connected` is not sent yet
    bool lost : 1 = false;         // its cursor is unknown to the log; the way back is being read
    bool inclusive : 1 = false;    // the next read must prove that the log knows the cursor
    bool resynced : 1 = false;     // a snapshot was sent and nothing has been delivered since
    bool salvage : 1 = false;      // goes on with whatever the log still holds behind its cursor
    bool mid_turn : 1 = false;     // that turn has not ended
    bool skip_turn : 1 = false;    // v1, told that this turn is lost: gets nothing more of it
    bool told_all : 1 = false; // v1, so told and nothing asked since: nothing else is lost to it
    bool led : 1 = false;      // a log read has begun at its position, and others still wait
    bool fresh : 1 = false;    // a resume that has not had its first page
    bool leap : 1 = false;     // far behind: a snapshot may take it forward
    bool at_top : 1 = false;   // follows the log from where it ends; that is being looked up
};
static_assert(sizeof(RelayLink) <= 64, "lives in every idle connection");

struct OpenRequest {
    bool resume = false;             // a valid resume token was offered
    std::string_view resume_session; // only when `resume`; copied
    EventId resume_cursor;           // newest event the client has; 0-0 for none
    bool at_top = false;             // `resume` without a position: from the end of the log on
};

// Makes or joins the session and queues `connected` (not for the echo app; for a resume as soon as
// it is known whether the log still holds the client's position). Needs `app`, `v2`, `strict`,
// `conf` and `id` of the connection to be set. False: out of memory; close with 1013.
bool relay_open(Follower& connection, const OpenRequest& request) noexcept;

// One whole data message of the client. Copied before the call returns.
void relay_message(Follower& connection, Opcode opcode, ByteView message) noexcept;

// Several of them as one mail (shared/mail_batch.h).
void relay_batch(Follower& connection, ByteView batch) noexcept;

// The output queue fell below half of `send_limit` after having been above `send_limit`.
void relay_drained(Follower& connection) noexcept;

// True while a turn of the connection's session is in flight or asked for.
bool relay_turn_running(const Follower& connection) noexcept;

// The last call for this connection; safe after a failed relay_open. `abandoned`: it asks for
// nothing any more, what it has asked for is to be cancelled.
void relay_closed(Follower& connection, bool abandoned = false) noexcept;

// What this process holds for a Redis, for whoever asks how it is; null: it could not be made.
Hub* relay_hub(const RedisTarget& target) noexcept;

// Process life cycle: links are opened in init, stay open while draining, and are closed in exit
// (nginx looks for open sockets after it).
bool relay_init_process(ngx_cycle_t* cycle, MainConf& conf) noexcept;
void relay_shutting_down(ngx_cycle_t* cycle) noexcept;
void relay_exit_process(ngx_cycle_t* cycle) noexcept;

} // namespace mr
