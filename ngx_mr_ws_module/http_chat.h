// `POST /v1/chat`: a question over HTTP, through the lanes that WebSockets use. One HttpChat per
// request, in the request's pool: it follows the out lane of its session and answers with one
// object that the worker has made, or with the events as they come (Server-Sent Events, HTML Living
// Standard section 9.2). Speech is a third form (http_audio.h). Owns request and output; never
// reads JSON, never talks to Redis.
//
// Life: body read → relay_open() → question mailed → answer, or events and their end → finalized. A
// client that goes away ends it too: its question is then cancelled if it waited for one object,
// and goes on to be resumed if it read events. What the relay calls only notes and queues: requests
// are answered and finalized by events of their own.
#pragma once

#include "ngx_mr_ws_module/follower.h"
#include "ngx_mr_ws_module/http_chat_end.h"
#include "ngx_mr_ws_module/limits.h"
#include "shared/buffer.h"

namespace mr {

// Events a stream may have queued beyond `mr_ws_send_limit` (where the relay stops): more ends it.
inline constexpr size_t kStreamHeadroomBytes = 8 * 1024 * 1024;
inline constexpr ngx_msec_t kHttpTickMs = 1000;

// The session's resume token: in requests, and in the answers of the JSON form.
inline constexpr std::string_view kResumeHeader = "MR-Resume-Token";

struct HttpChat : Follower {
    HttpChat(ngx_http_request_t* r, FollowerKind form, const LocationConf& location) noexcept
        : Follower(form, location, location.http_kind()), request(r) {
        v2 = true;
        socket = r->connection;
    }

    ngx_http_request_t* request;
    LimitHolds holds;
    OpenRequest open;
    char session[kSessionIdChars] = {}; // named by `open`, or as soon as it has one
    bool resume_only = false;           // nothing is asked, what was asked is followed
    bool mail_due = false;              // the question is not mailed yet
    bool held = false;                  // by the relay: it cannot be, at the moment
    bool greeted = false;               // its position is known
    bool asked = false;                 // mailed
    bool begun = false;                 // the answer is a stream, whatever comes
    bool terminal_seen = false;         // an event that ends a turn
    bool ready = false;                 // `status` and `answer` are to be sent
    bool ending = false;                // the stream ends behind what is queued
    bool broken = false;                // out of memory or of its bounds
    bool left = false;                  // relay_closed is done
    bool over_limit = false;            // the queue was above send_limit: relay_drained is due
    bool draining = false;              // `drain_at` is set
    bool answered = false;              // finalized with an answer
    bool counted = false;               // in the list of http_chat_end.cpp
    HttpEnd end = HttpEnd::none;

    uint16_t status = 0;
    uint16_t retry_after_s = 0;
    Buffer question;
    Buffer answer;    // lent to nginx once it is sent
    Buffer queues[2]; // of the stream: one is filled, the other one lent to nginx
    uint8_t filling = 0;
    ngx_buf_t lent{};

    ngx_event_t act{};         // posted: does what was noted
    ngx_event_t tick{};        // keeps the process while it drains
    HttpChat* older = nullptr; // of http_chat_end.cpp
    HttpChat* newer = nullptr;
    std::string_view end_reason;
    uint32_t events = 0;   // sent, or the one object
    uint64_t received = 0; // of audio, in bytes
    uint64_t credited = 0; // of it, what the worker knows to be given away
    ngx_msec_t began_at = 0;
    ngx_msec_t opened_at = 0;
    ngx_msec_t heard_at = 0; // the last event
    ngx_msec_t wrote_at = 0; // the last output of a stream
    ngx_msec_t drain_at = 0;
};

// The content handler of `mr_ws_http`.
ngx_int_t http_chat_handler(ngx_http_request_t* r) noexcept;

// ---- called by follower.cpp, for the relay

void http_chat_event(HttpChat& chat, EventId id, const EventView& event) noexcept;
void http_chat_greet(HttpChat& chat, ByteView text) noexcept;
void http_chat_tell(HttpChat& chat, ByteView text) noexcept;
bool http_chat_refuse(HttpChat& chat, ErrorCode code, uint32_t retry_after_ms) noexcept;
void http_chat_stored(HttpChat& chat) noexcept;
size_t http_chat_queued_bytes(const HttpChat& chat) noexcept;
void http_chat_close(HttpChat& chat, CloseCode code, std::string_view reason) noexcept;
void http_chat_hold(HttpChat& chat, bool held) noexcept;
void http_chat_idle(HttpChat& chat) noexcept;

// ---- between http_chat*.cpp

// Has the request looked after when the current event is done.
void http_chat_act(HttpChat& chat) noexcept;

// The relay hears no more of it. `abandoned`: what it has asked for is cancelled.
void http_chat_leave(HttpChat& chat, bool abandoned) noexcept;

// Ends the request with `rc`; nothing of `chat` may be used behind it.
void http_chat_finalize(HttpChat& chat, ngx_int_t rc) noexcept;

// Once a second; arms its own timer again.
void http_chat_tick(HttpChat& chat) noexcept;

// Sends the answer that is ready, and finalizes.
void http_chat_send_answer(HttpChat& chat) noexcept;

// Hands what is queued to nginx, and finalizes at the end of the stream or when it has failed.
void http_chat_send_stream(HttpChat& chat) noexcept;

// Queues an event of the stream; without a place `id` is null.
void http_chat_queue(HttpChat& chat, const EventId* id, std::string_view text) noexcept;
void http_chat_queue_ping(HttpChat& chat) noexcept;

} // namespace mr
