#include "ngx_mr_ws_module/http_chat_end.h"

#include "ngx_mr_ws_module/http_chat.h"
#include "ngx_mr_ws_module/http_count.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/session_log.h"

namespace mr {
namespace {

HttpChat* in_flight = nullptr; // the newest one of this process

Metric gauge_of(const HttpChat& chat) {
    return metric_if(chat.kind != FollowerKind::http_answer, Metric::http_streams_in_flight,
                     Metric::http_objects_in_flight);
}

Metric stream_metric(HttpEnd end) {
    switch (end) {
    case HttpEnd::none:
    case HttpEnd::completed:
        return Metric::http_streams_completed;
    case HttpEnd::aborted:
        return Metric::http_streams_aborted;
    case HttpEnd::drained:
        return Metric::http_streams_drained;
    case HttpEnd::timed_out:
        return Metric::http_streams_timed_out;
    case HttpEnd::token_expired:
        return Metric::http_streams_token;
    case HttpEnd::slow:
        return Metric::http_streams_slow;
    case HttpEnd::failed:
        break;
    }
    return Metric::http_streams_failed;
}

// nginx ends a request itself when the client has gone, also behind an answer that was given away
// whole and is still on its way.
void look_at_socket(HttpChat& chat) {
    const ngx_connection_t* c = chat.socket;
    if (c->close) {
        http_chat_note(chat, HttpEnd::drained, "server is stopping");
    } else if (c->timedout) {
        http_chat_note(chat, HttpEnd::slow,
                       chat.request->header_sent ? "the client took no data"
                                                 : "the question did not arrive in time");
    } else if (c->error) {
        http_chat_note(chat, HttpEnd::aborted, "the client has gone");
    } else if (!chat.answered) {
        http_chat_note(chat, HttpEnd::failed, "the request could not be served");
    }
}

void write_line(const HttpChat& chat) {
    const ngx_http_request_t* r = chat.request;
    SessionEnd end;
    if (chat.session[0] != '\0') {
        end.session = {chat.session, kSessionIdChars};
    }
    end.duration_ms = ngx_current_msec - chat.began_at;
    end.bytes_in = static_cast<uint64_t>(r->request_length);
    end.bytes_out = static_cast<uint64_t>(chat.socket->sent);
    end.messages_in = chat.asked ? 1 : 0;
    end.messages_out = chat.events;
    end.code = static_cast<uint32_t>(http_final_status(r));
    end.by_client = chat.end == HttpEnd::aborted;
    end.reason = chat.end_reason;
    session_log_write(chat, end);
}

} // namespace

void http_chat_began(HttpChat& chat) noexcept {
    chat.counted = true;
    chat.began_at = ngx_current_msec;
    chat.older = in_flight;
    if (in_flight != nullptr) {
        in_flight->newer = &chat;
    }
    in_flight = &chat;
    metric_add(gauge_of(chat));
}

void http_chat_note(HttpChat& chat, HttpEnd end, std::string_view reason) noexcept {
    if (chat.end == HttpEnd::none || chat.end == HttpEnd::completed) {
        chat.end = end;
        chat.end_reason = reason;
    }
}

void http_chat_gone(HttpChat& chat) noexcept {
    if (!chat.counted) {
        return;
    }
    chat.counted = false;
    (chat.newer != nullptr ? chat.newer->older : in_flight) = chat.older;
    if (chat.older != nullptr) {
        chat.older->newer = chat.newer;
    }
    look_at_socket(chat);
    metric_take(gauge_of(chat));
    if (chat.begun) {
        metric_add(stream_metric(chat.end));
    }
    write_line(chat);
}

void http_chats_exit() noexcept {
    while (in_flight != nullptr) {
        http_chat_note(*in_flight, HttpEnd::drained, "server is stopping");
        http_chat_gone(*in_flight);
    }
}

} // namespace mr
