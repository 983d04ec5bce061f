#include "ngx_mr_ws_module/http_chat.h"

#include "ngx_mr_ws_module/access.h"
#include "ngx_mr_ws_module/handshake.h"
#include "ngx_mr_ws_module/http_audio.h"
#include "ngx_mr_ws_module/http_body.h"
#include "ngx_mr_ws_module/http_chat_request.h"
#include "ngx_mr_ws_module/http_cors.h"
#include "ngx_mr_ws_module/http_count.h"
#include "ngx_mr_ws_module/http_error.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/session.h"
#include "shared/one_answer.h"

#include <new>

namespace mr {
namespace {

constexpr uint32_t kSessionRetryMs = 5000; // as limits.cpp says it

HttpChat& chat_of(ngx_http_request_t* r) {
    return *static_cast<HttpChat*>(ngx_http_get_module_ctx(r->main, ngx_mr_ws_module));
}

// Of both events: their `data` is the socket, as nginx's debug log expects it.
HttpChat& chat_of(const ngx_event_t* event) {
    auto* c = static_cast<ngx_connection_t*>(event->data);
    return chat_of(static_cast<ngx_http_request_t*>(c->data));
}

// ---- life

// What it asked for is still being made, and for nobody else. A stream can be resumed.
bool is_in_vain(const HttpChat& chat) {
    return chat.kind != FollowerKind::http_stream && chat.asked && !chat.ready && !chat.ending;
}

// The request ends, however that came about: also when the client has gone.
void on_request_gone(void* data) noexcept {
    auto& chat = *static_cast<HttpChat*>(data);
    http_chat_gone(chat);
    http_chat_leave(chat, is_in_vain(chat));
    limits_release(chat.holds);
}

// nginx may still have had its hands on our buffers until now.
void on_pool_gone(void* data) noexcept {
    auto* chat = static_cast<HttpChat*>(data);
    identity_destroy(chat->identity);
    chat->~HttpChat();
}

void mail_question(HttpChat& chat) {
    if (!chat.mail_due || chat.held || !chat.greeted || chat.ready || chat.left ||
        (is_audio(chat) && !http_audio_may_ask(chat))) {
        return;
    }
    chat.mail_due = false;
    chat.asked = true;
    relay_message(chat, Opcode::text, chat.question.view());
    chat.question.release();
}

void on_act(ngx_event_t* event) noexcept {
    HttpChat& chat = chat_of(event);
    ngx_connection_t* c = chat.socket;
    mail_question(chat);
    if (chat.ready) {
        http_chat_send_answer(chat);
    } else if (chat.broken) {
        http_chat_finalize(chat, NGX_ERROR);
    } else if (chat.begun) {
        http_chat_send_stream(chat);
    }
    ngx_http_run_posted_requests(c);
}

// In a session of its own the first end of a turn is that of its answer. It may have come before
// the news that the question is stored, or on both sides of it: the session then still waits for an
// end.
bool is_whole(const HttpChat& chat) {
    return chat.begun && chat.terminal_seen && !chat.open.resume;
}

void on_tick(ngx_event_t* event) noexcept {
    http_chat_tick(chat_of(event));
}

// The answer to a slow reader goes on.
void on_writable(ngx_http_request_t* r) noexcept {
    HttpChat& chat = chat_of(r);
    ngx_event_t* writable = r->connection->write;
    if (writable->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "mr_ws: the client took no data within mr_ws_send_timeout");
        metric_add(Metric::limit_send_timeout);
        r->connection->timedout = 1;
        http_chat_finalize(chat, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }
    if (chat.begun && !chat.ready) {
        http_chat_send_stream(chat);
    }
}

void follow(HttpChat& chat) {
    ngx_http_request_t* r = chat.request;
    r->read_event_handler = ngx_http_test_reading; // an end of the client's side ends the request
    r->write_event_handler = on_writable;
    set_log_action(r->connection->log, "answering a question");
    chat.opened_at = chat.heard_at = chat.wrote_at = ngx_current_msec;
    ngx_add_timer(&chat.tick, kHttpTickMs);
    if (!relay_open(chat, chat.open)) {
        http_chat_refuse(chat, ErrorCode::relay_unavailable, 1000);
    }
    if (chat.relay.session != nullptr) {
        std::memcpy(chat.session, chat.relay.session->id_view().data(), kSessionIdChars);
    }
    if (!limits_take_session(chat, chat.holds)) {
        http_chat_refuse(chat, ErrorCode::rate_limited, kSessionRetryMs);
    }
    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events); // it may have gone already
    }
    http_chat_act(chat);
}

ngx_int_t refuse(HttpChat& chat, ErrorCode code) {
    http_chat_note(chat, HttpEnd::failed, error_text(code).name);
    return http_error(chat.request, http_refusal(code), error_text(code).name,
                      chat.trace.trace_id());
}

// With the body read the request has a reference of its own, which http_chat_finalize gives up.
void on_body(ngx_http_request_t* r) noexcept {
    HttpChat& chat = chat_of(r);
    if (!chat.resume_only) {
        const ngx_int_t rc = http_collect_body(r, chat.conf->max_message, chat.question);
        if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
            return http_chat_finalize(chat, refuse(chat, ErrorCode::too_large));
        }
        if (rc != NGX_OK) {
            return http_chat_finalize(chat, refuse(chat, ErrorCode::internal));
        }
        if (chat.question.empty()) {
            return http_chat_finalize(chat, refuse(chat, ErrorCode::bad_json));
        }
        chat.mail_due = true;
    }
    follow(chat);
}

// ---- the request

// Takes `identity` over with the chat that it returns; null: out of memory.
HttpChat* make_chat(ngx_http_request_t* r, const LocationConf& conf, FollowerKind form,
                    Identity* identity) {
    void* memory = ngx_palloc(r->pool, sizeof(HttpChat));
    ngx_pool_cleanup_t* at_end = ngx_pool_cleanup_add(r->pool, 0);
    ngx_http_cleanup_t* when_gone = ngx_http_cleanup_add(r, 0);
    if (memory == nullptr || at_end == nullptr || when_gone == nullptr) {
        identity_destroy(identity);
        return nullptr;
    }
    auto* chat = new (memory) HttpChat(r, form, conf);
    chat->identity = identity;
    at_end->handler = on_pool_gone;
    at_end->data = chat;
    when_gone->handler = on_request_gone;
    when_gone->data = chat;
    chat->act.handler = on_act;
    chat->tick.handler = on_tick;
    for (ngx_event_t* event : {&chat->act, &chat->tick}) {
        event->data = r->connection;
        event->log = r->connection->log;
    }
    ngx_http_set_ctx(r, chat, ngx_mr_ws_module);
    return chat;
}

ngx_int_t refuse(ngx_http_request_t* r, const HandshakeHeaders& headers, const Refusal& refusal) {
    TraceContext trace;
    accept_traceparent(headers.traceparent, trace);
    return http_error(r, refusal, http_error_name(refusal), trace.trace_id());
}

ngx_int_t accept(ngx_http_request_t* r, const HandshakeHeaders& headers, const LocationConf& conf,
                 Identity* identity) {
    const ChatHeaders wishes = collect_chat_headers(r);
    const bool speech = conf.http_kind() == AppKind::tts;
    const Refusal refusal =
        speech ? judge_audio_content(r, wishes, conf) : judge_chat_content(r, wishes, conf);
    if (refusal.status != 0) {
        identity_destroy(identity);
        return refuse(r, headers, refusal);
    }
    const FollowerKind form = speech                  ? FollowerKind::http_audio
                              : wishes.accepts_stream ? FollowerKind::http_stream
                                                      : FollowerKind::http_answer;
    HttpChat* chat = make_chat(r, conf, form, identity);
    if (chat == nullptr || !follower_identify(*chat, headers.traceparent)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    chat->resume_only = !speech && wishes.last_event_ids != 0;
    if (!speech && !judge_chat_resume(wishes, conf, chat->subject(), chat->session, chat->open)) {
        return refuse(*chat, ErrorCode::bad_resume);
    }
    const Refusal limit = limits_admit(r, *chat, chat->open.resume_session, chat->holds);
    if (limit.status != 0) {
        return http_error(r, limit, http_error_name(limit), chat->trace.trace_id());
    }
    http_chat_began(*chat);
    const ngx_int_t rc = ngx_http_read_client_request_body(r, on_body);
    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}

} // namespace

ngx_int_t http_chat_handler(ngx_http_request_t* r) noexcept {
    const auto& conf =
        *static_cast<const LocationConf*>(ngx_http_get_module_loc_conf(r, ngx_mr_ws_module));
    if (conf.http_kind() == AppKind::off) {
        return NGX_DECLINED;
    }
    if (r != r->main) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "mr_ws: a subrequest cannot ask a question");
        return NGX_HTTP_NOT_FOUND;
    }
    const HandshakeHeaders headers = collect_headers(r);
    Refusal refusal = judge_origin(r, headers, conf);
    if (!http_count(r)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (refusal.status == 0 && !cors_add_headers(r, headers, conf)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (refusal.status == 0) {
        refusal = judge_chat_method(r, conf);
    }
    if (refusal.status == 0 && r->method == NGX_HTTP_OPTIONS) {
        return cors_answer_preflight(r);
    }
    Identity* identity = nullptr;
    if (refusal.status == 0) {
        refusal = judge_access(r, headers, conf, identity);
    }
    return refusal.status != 0 ? refuse(r, headers, refusal) : accept(r, headers, conf, identity);
}

// ---- the relay's calls

void http_chat_act(HttpChat& chat) noexcept {
    if (!chat.left || chat.ready) {
        ngx_post_event(&chat.act, &ngx_posted_events);
    }
}

void http_chat_leave(HttpChat& chat, bool abandoned) noexcept {
    if (chat.act.posted) {
        ngx_delete_posted_event(&chat.act);
    }
    if (chat.tick.timer_set) {
        ngx_del_timer(&chat.tick);
    }
    if (!chat.left) {
        chat.left = true;
        relay_closed(chat, abandoned);
    }
}

void http_chat_finalize(HttpChat& chat, ngx_int_t rc) noexcept {
    chat.answered = rc != NGX_ERROR;
    http_chat_leave(chat, is_in_vain(chat));
    ngx_http_finalize_request(chat.request, rc);
}

void http_chat_event(HttpChat& chat, EventId id, const EventView& event) noexcept {
    chat.heard_at = ngx_current_msec;
    if (is_audio(chat)) {
        return http_audio_event(chat, event);
    }
    if (chat.kind == FollowerKind::http_stream) {
        if ((event.flags & (kEventAnswer | kEventBinary | kEventLiveOnly)) == 0) {
            chat.terminal_seen = chat.terminal_seen || (event.flags & kEventTerminal) != 0;
            http_chat_queue(chat, &id, as_text(event.bytes));
            chat.ending = chat.ending || is_whole(chat);
        }
        return;
    }
    const auto one = (event.flags & kEventAnswer) != 0 ? decode_one_answer(event.bytes)
                                                       : std::optional<OneAnswer>{};
    if (!one || one->connection != chat.id || chat.ready) {
        return;
    }
    chat.status = one->status;
    chat.retry_after_s = one->retry_after_s;
    chat.broken = !chat.answer.append(one->body);
    chat.ready = !chat.broken;
    http_chat_act(chat);
}

// Its id is the position that it speaks of: a client that is cut off behind it resumes from there.
void http_chat_greet(HttpChat& chat, ByteView text) noexcept {
    chat.greeted = true;
    chat.begun = chat.begun || chat.resume_only;
    if (chat.kind == FollowerKind::http_stream) {
        http_chat_queue(chat, &chat.relay.cursor, as_text(text));
    }
    http_chat_act(chat);
}

void http_chat_tell(HttpChat& chat, ByteView text) noexcept {
    if (chat.kind == FollowerKind::http_stream) {
        http_chat_queue(chat, nullptr, as_text(text));
    }
}

bool http_chat_refuse(HttpChat& chat, ErrorCode code, uint32_t retry_after_ms) noexcept {
    if (chat.begun && is_audio(chat)) {
        http_audio_cut(chat, HttpEnd::failed, error_text(code).name);
        return true;
    }
    if (chat.begun) {
        chat.terminal_seen = true; // what follows this says that it has ended
        return false;
    }
    if (!chat.ready) {
        const ErrorText& error = error_text(code);
        http_chat_note(chat, HttpEnd::failed, error.name);
        chat.status = http_status(code);
        chat.retry_after_s = static_cast<uint16_t>((retry_after_ms + 999) / 1000);
        chat.answer.clear();
        chat.ready = http_error_body(chat.answer, error.name, error.message, chat.trace.trace_id());
        chat.broken = !chat.ready;
        http_chat_act(chat);
    }
    return true;
}

void http_chat_stored(HttpChat& chat) noexcept {
    chat.begun = chat.begun || (chat.kind == FollowerKind::http_stream && !chat.ready);
    chat.ending = chat.ending || is_whole(chat);
    http_chat_act(chat);
}

void http_chat_close(HttpChat& chat, CloseCode code, std::string_view reason) noexcept {
    if (chat.begun && is_audio(chat)) {
        return http_audio_cut(chat, HttpEnd::failed, reason);
    }
    if (chat.begun) {
        http_chat_note(chat, HttpEnd::failed, reason);
        chat.ending = true;
        return http_chat_act(chat);
    }
    const bool stranger = code == CloseCode::policy_violation;
    http_chat_refuse(chat, stranger ? ErrorCode::bad_resume : ErrorCode::relay_unavailable,
                     stranger ? 0 : 1000);
}

void http_chat_hold(HttpChat& chat, bool held) noexcept {
    chat.held = held;
    http_chat_act(chat);
}

// A stream ends with what was asked for. One that was resumed before its question was taken by a
// worker waits for it.
void http_chat_idle(HttpChat& chat) noexcept {
    const bool over = chat.terminal_seen || (chat.resume_only && chat.relay.cursor != EventId{});
    if (chat.begun && !chat.mail_due && over && !is_audio(chat)) {
        chat.ending = true;
        http_chat_act(chat);
    }
}

} // namespace mr
