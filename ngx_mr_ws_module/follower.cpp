#include "ngx_mr_ws_module/follower.h"

#include "ngx_mr_ws_module/connection.h"
#include "ngx_mr_ws_module/http_chat.h"
#include "ngx_mr_ws_module/random.h"
#include "ngx_mr_ws_module/voice_mail.h"

#include <cstring>

namespace mr {
namespace {

bool is_websocket(const Follower& follower) {
    return follower.kind == FollowerKind::websocket;
}

Connection& connection_of(Follower& follower) {
    return static_cast<Connection&>(follower);
}

HttpChat& chat_of(Follower& follower) {
    return static_cast<HttpChat&>(follower);
}

// The bytes equal the original's: what was added lies behind v1_length.
void send_strict(Connection& connection, const EventView& event) {
    static constexpr uint8_t kEnd[] = {'}'};
    const ByteView parts[] = {event.bytes.first(event.v1_length), kEnd};
    connection_send_parts(connection, Opcode::text, parts);
}

void send_frame(Connection& connection, const EventView& event) {
    if ((event.flags & kEventAnswer) != 0) {
        return; // of an HTTP request
    }
    if (connection.v2) {
        connection_send(connection,
                        (event.flags & kEventBinary) != 0 ? Opcode::binary : Opcode::text,
                        event.bytes);
        return;
    }
    if ((event.flags & kEventV2Only) != 0) {
        return;
    }
    if ((event.flags & kEventBinary) != 0) {
        connection_send(connection, Opcode::binary, event.bytes);
    } else if (connection.strict && event.v1_length != 0) {
        send_strict(connection, event);
    } else {
        connection_send(connection, Opcode::text, event.bytes);
    }
}

} // namespace

bool follower_identify(Follower& follower, std::string_view traceparent) noexcept {
    uint8_t id[sizeof(follower.id)];
    uint8_t random[kTraceRandomBytes];
    if (!random_bytes(id) || !random_bytes(random)) {
        return false;
    }
    std::memcpy(&follower.id, id, sizeof(id));
    if (!accept_traceparent(traceparent, follower.trace)) {
        make_traceparent(random, follower.trace);
    }
    return true;
}

void follower_deliver(Follower& follower, EventId id, const EventView& event) noexcept {
    if (is_websocket(follower)) {
        Connection& connection = connection_of(follower);
        send_frame(connection, event);
        if ((event.flags & kEventLiveOnly) != 0) {
            voice_mail_spoken_to(connection, event.bytes.size());
        }
    } else {
        http_chat_event(chat_of(follower), id, event);
    }
}

void follower_greet(Follower& follower, ByteView text) noexcept {
    if (is_websocket(follower)) {
        connection_send(connection_of(follower), Opcode::text, text);
    } else {
        http_chat_greet(chat_of(follower), text);
    }
}

void follower_tell(Follower& follower, ByteView text) noexcept {
    if (is_websocket(follower)) {
        connection_send(connection_of(follower), Opcode::text, text);
    } else {
        http_chat_tell(chat_of(follower), text);
    }
}

bool follower_refuse(Follower& follower, ErrorCode code, uint32_t retry_after_ms) noexcept {
    return !is_websocket(follower) && http_chat_refuse(chat_of(follower), code, retry_after_ms);
}

void follower_mail_stored(Follower& follower) noexcept {
    if (!is_websocket(follower)) {
        http_chat_stored(chat_of(follower));
    }
}

size_t follower_queued_bytes(const Follower& follower) noexcept {
    return is_websocket(follower)
               ? connection_queued_bytes(static_cast<const Connection&>(follower))
               : http_chat_queued_bytes(static_cast<const HttpChat&>(follower));
}

void follower_close(Follower& follower, CloseCode code, std::string_view reason) noexcept {
    if (is_websocket(follower)) {
        connection_close(connection_of(follower), code, reason);
    } else {
        http_chat_close(chat_of(follower), code, reason);
    }
}

void follower_pause(Follower& follower) noexcept {
    if (is_websocket(follower)) {
        connection_pause_reading(connection_of(follower));
    } else {
        http_chat_hold(chat_of(follower), true);
    }
}

void follower_resume(Follower& follower) noexcept {
    if (is_websocket(follower)) {
        connection_resume_reading(connection_of(follower));
    } else {
        http_chat_hold(chat_of(follower), false);
    }
}

void follower_subscribed(Follower& follower) noexcept {
    if (!is_websocket(follower)) {
        http_chat_act(chat_of(follower));
    }
}

void follower_turn_idle(Follower& follower) noexcept {
    if (is_websocket(follower)) {
        connection_turn_idle(connection_of(follower));
    } else {
        http_chat_idle(chat_of(follower));
    }
}

} // namespace mr
