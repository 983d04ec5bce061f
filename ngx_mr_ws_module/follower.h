// Whoever follows the out lane of a session in this process, as the relay sees it: a WebSocket
// (connection.h), or an HTTP request whose answer is one object or a stream of events
// (http_chat.h). Owns what the relay needs of it and the calls that go from the relay to either;
// never touches a socket. The kinds are told apart by a tag, so an idle WebSocket pays one byte for
// it.
//
// None of these calls frees a follower: a reference stays good for the whole call.
#pragma once

#include "ngx_mr_ws_module/identity.h"
#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/relay.h"
#include "ngx_mr_ws_module/settings.h"
#include "ngx_mr_ws_module/trace_context.h"
#include "shared/bytes.h"
#include "shared/envelope.h"
#include "shared/error_code.h"
#include "shared/ws_frame.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace mr {

enum class FollowerKind : uint8_t {
    websocket,
    http_stream, // Server-Sent Events
    http_answer, // one object
    http_audio,  // sound, as it is spoken
};

struct Follower {
    Follower(FollowerKind form, const LocationConf& location, AppKind what) noexcept
        : conf(&location), kind(form), app(what), strict(location.strict()) {}

    uint64_t id = 0; // random: unique over all gateways
    const LocationConf* conf;
    Identity* identity = nullptr; // owned
    ngx_connection_t* socket = nullptr;
    RelayLink relay;
    uint32_t turns = 0; // whose end was delivered
    TraceContext trace;
    FollowerKind kind : 2;
    AppKind app : 4;
    bool v2 : 1 = false;
    bool strict : 1;

    // Who owns the session; empty: anonymous.
    std::string_view subject() const noexcept {
        return identity != nullptr ? identity->subject() : std::string_view{};
    }
    ngx_log_t* log() const noexcept { return socket->log; }
};

// Draws its id and takes the client's trace over, or begins one. False: no random bytes.
bool follower_identify(Follower& follower, std::string_view traceparent) noexcept;

// An event of the out lane.
void follower_deliver(Follower& follower, EventId id, const EventView& event) noexcept;

// The greeting, and an event of the gateway's own. Neither has a place in the lane.
void follower_greet(Follower& follower, ByteView text) noexcept;
void follower_tell(Follower& follower, ByteView text) noexcept;

// Its mail, or the question it waits for, has come to nothing. True: that was its answer, and there
// is nothing more to tell.
bool follower_refuse(Follower& follower, ErrorCode code, uint32_t retry_after_ms) noexcept;

// Its mail is in the lane.
void follower_mail_stored(Follower& follower) noexcept;

// Output that nginx or the kernel has not taken yet.
size_t follower_queued_bytes(const Follower& follower) noexcept;

void follower_close(Follower& follower, CloseCode code, std::string_view reason) noexcept;

// Back-pressure of the in lane: no message is handed over between the two calls.
void follower_pause(Follower& follower) noexcept;
void follower_resume(Follower& follower) noexcept;

// The session's channel is subscribed to: what is published from now on arrives.
void follower_subscribed(Follower& follower) noexcept;

// No turn of the session is in flight any more.
void follower_turn_idle(Follower& follower) noexcept;

} // namespace mr
