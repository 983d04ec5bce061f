// What an HttpChat sends. One object goes out as any response does. Of a stream two buffers take
// turns: one is filled, the other one is nginx's until all of it has gone.
#include "ngx_mr_ws_module/gateway_events.h"
#include "ngx_mr_ws_module/http_answer.h"
#include "ngx_mr_ws_module/http_audio.h"
#include "ngx_mr_ws_module/http_chat.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/session.h"
#include "shared/ids.h"
#include "shared/token.h"

namespace mr {
namespace {

constexpr size_t kKeptQueueBytes = 16 * 1024; // of a queue that is empty

bool header(ngx_http_request_t* r, std::string_view name, std::string_view value) {
    return http_add_header(r, name, value);
}

// Copies a value that does not outlive the call.
bool header_copy(ngx_http_request_t* r, std::string_view name, std::string_view value) {
    auto* copy = static_cast<char*>(ngx_pnalloc(r->pool, value.size()));
    if (copy == nullptr) {
        return false;
    }
    std::memcpy(copy, value.data(), value.size());
    return http_add_header(r, name, {copy, value.size()});
}

bool add_retry_after(HttpChat& chat) {
    char digits[20];
    return chat.retry_after_s == 0 ||
           header_copy(chat.request, "Retry-After",
                       {digits, format_decimal(chat.retry_after_s, digits)});
}

// With it the conversation goes on in the next request.
bool add_resume_token(HttpChat& chat) {
    TokenText token;
    return chat.relay.session == nullptr ||
           (make_resume_token(token, chat.conf->main->secret, chat.relay.session->id_view(),
                              chat.subject(),
                              static_cast<uint64_t>(ngx_time()) + kResumeTokenSeconds) &&
            header_copy(chat.request, kResumeHeader, token.view()));
}

void set_content_type(ngx_http_request_t* r, std::string_view type) {
    r->headers_out.content_type = to_ngx(type);
    r->headers_out.content_type_len = type.size();
    r->headers_out.content_type_lowcase = nullptr;
}

void lend(HttpChat& chat, Buffer& bytes) {
    chat.lent = {};
    chat.lent.start = chat.lent.pos = bytes.data();
    chat.lent.end = chat.lent.last = bytes.data() + bytes.size();
    chat.lent.temporary = 1;
}

ngx_int_t send_answer(HttpChat& chat) {
    ngx_http_request_t* r = chat.request;
    if (!header(r, "Cache-Control", "no-store") || !add_retry_after(chat) ||
        (chat.status < 300 && !add_resume_token(chat))) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    http_chat_leave(chat, false);
    chat.events = 1;
    r->headers_out.status = chat.status;
    r->headers_out.content_length_n = static_cast<off_t>(chat.answer.size());
    set_content_type(r, "application/json");
    const ngx_int_t rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }
    lend(chat, chat.answer);
    chat.lent.last_buf = 1;
    chat.lent.last_in_chain = 1;
    ngx_chain_t out = {&chat.lent, nullptr};
    return ngx_http_output_filter(r, &out);
}

// ---- streams

ngx_int_t begin_stream(HttpChat& chat) {
    ngx_http_request_t* r = chat.request;
    if (r->header_sent) {
        return NGX_OK;
    }
    // The second one is for proxies in front that would collect the events.
    if (!header(r, "Cache-Control", "no-store") || !header(r, "X-Accel-Buffering", "no")) {
        return NGX_ERROR;
    }
    r->headers_out.status = NGX_HTTP_OK;
    set_content_type(r, is_audio(chat) ? std::string_view("audio/mpeg")
                                       : std::string_view("text/event-stream"));
    const ngx_int_t rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK) {
        return NGX_ERROR;
    }
    // Otherwise nginx keeps it until there is more (postpone_output).
    return ngx_http_send_special(r, NGX_HTTP_FLUSH) == NGX_ERROR ? NGX_ERROR : NGX_OK;
}

bool pending(const ngx_http_request_t* r) {
    return r->out != nullptr || r->buffered != 0 || r->connection->buffered != 0;
}

// NGX_AGAIN: the client has to read first.
ngx_int_t push(ngx_http_request_t* r) {
    if (pending(r) && ngx_http_output_filter(r, nullptr) == NGX_ERROR) {
        return NGX_ERROR;
    }
    return pending(r) ? NGX_AGAIN : NGX_OK;
}

// One queue to nginx. Behind it nothing is pending, or the result is NGX_AGAIN.
ngx_int_t send_queue(HttpChat& chat) {
    ngx_http_request_t* r = chat.request;
    Buffer& queue = chat.queues[chat.filling];
    chat.filling ^= 1;
    Buffer& sent = chat.queues[chat.filling];
    sent.clear();
    if (sent.capacity() > kKeptQueueBytes) {
        sent.release();
    }
    lend(chat, queue);
    chat.lent.flush = 1;
    chat.wrote_at = ngx_current_msec;
    ngx_chain_t out = {&chat.lent, nullptr};
    if (ngx_http_output_filter(r, &out) == NGX_ERROR) {
        return NGX_ERROR;
    }
    return pending(r) ? NGX_AGAIN : NGX_OK;
}

ngx_int_t send_all(HttpChat& chat) {
    ngx_int_t rc = begin_stream(chat);
    if (rc == NGX_OK) {
        rc = push(chat.request);
    }
    while (rc == NGX_OK && !chat.queues[chat.filling].empty()) {
        rc = send_queue(chat);
    }
    return rc;
}

// Until the client reads, or for too long does not: `moved` says that it has taken something.
ngx_int_t await_room(HttpChat& chat, bool moved) {
    ngx_event_t* writable = chat.socket->write;
    if (!writable->delayed && (moved || !writable->timer_set)) {
        ngx_add_timer(writable, chat.conf->send_timeout);
    }
    return ngx_handle_write_event(writable, 0);
}

// The relay goes on reading the log, and may queue more.
void note_drained(HttpChat& chat) {
    if (is_audio(chat)) {
        return http_audio_given(chat);
    }
    if (chat.over_limit && http_chat_queued_bytes(chat) <= chat.conf->send_limit / 2) {
        chat.over_limit = false;
        relay_drained(chat);
    }
}

void append_event(HttpChat& chat, const EventId* id, std::string_view text) {
    Buffer& queue = chat.queues[chat.filling];
    bool added = true;
    if (id != nullptr) {
        added = queue.append(std::string_view("id: ")) &&
                queue.append(format_event_id(*id).view()) && queue.append(std::string_view("\n"));
    }
    added = added && queue.append(std::string_view("data: ")) && queue.append(text) &&
            queue.append(std::string_view("\n\n"));
    const size_t bytes = http_chat_queued_bytes(chat);
    chat.over_limit = chat.over_limit || bytes > chat.conf->send_limit;
    if (bytes > chat.conf->send_limit + kStreamHeadroomBytes) {
        metric_add(Metric::limit_output);
        http_chat_note(chat, HttpEnd::failed, "more output than it may queue");
        added = false;
    }
    chat.broken = chat.broken || !added;
    chat.events += added ? 1 : 0;
    metric_add(Metric::http_events, added ? 1 : 0);
}

} // namespace

size_t http_chat_queued_bytes(const HttpChat& chat) noexcept {
    return chat.queues[chat.filling].size() + static_cast<size_t>(chat.lent.last - chat.lent.pos);
}

void http_chat_queue(HttpChat& chat, const EventId* id, std::string_view text) noexcept {
    if (!chat.ending && !chat.broken) {
        append_event(chat, id, text);
        http_chat_act(chat);
    }
}

void http_chat_queue_ping(HttpChat& chat) noexcept {
    if (!chat.ending && !chat.broken) {
        chat.broken = !chat.queues[chat.filling].append(std::string_view(": ping\n\n"));
    }
}

void http_chat_send_answer(HttpChat& chat) noexcept {
    http_chat_finalize(chat, send_answer(chat));
}

void http_chat_send_stream(HttpChat& chat) noexcept {
    const size_t lent = static_cast<size_t>(chat.lent.last - chat.lent.pos);
    ngx_int_t rc = send_all(chat);
    const bool moved = static_cast<size_t>(chat.lent.last - chat.lent.pos) != lent;
    if (rc == NGX_ERROR) {
        return http_chat_finalize(chat, NGX_ERROR);
    }
    if (rc == NGX_AGAIN) {
        if (await_room(chat, moved) != NGX_OK) {
            return http_chat_finalize(chat, NGX_ERROR);
        }
        return note_drained(chat);
    }
    if (chat.socket->write->timer_set) {
        ngx_del_timer(chat.socket->write);
    }
    if (chat.ending) {
        http_chat_leave(chat, false);
        return http_chat_finalize(chat, ngx_http_send_special(chat.request, NGX_HTTP_LAST));
    }
    note_drained(chat);
}

} // namespace mr
