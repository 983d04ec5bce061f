#include "ngx_mr_ws_module/http_audio.h"

#include "ngx_mr_ws_module/hub.h"
#include "ngx_mr_ws_module/mailbox.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/session.h"
#include "shared/audio_piece.h"
#include "shared/one_answer.h"

namespace mr {
namespace {

void take_piece(HttpChat& chat, const AudioPiece& piece) {
    if (piece.connection != chat.id || chat.ending || chat.ready) {
        return;
    }
    if (piece.offset != chat.received) {
        return http_audio_cut(chat, HttpEnd::failed, "a piece of the answer is missing");
    }
    if (http_chat_queued_bytes(chat) + piece.bytes.size() > 2 * kAudioWindowBytes) {
        return http_audio_cut(chat, HttpEnd::failed, "more output than it may queue");
    }
    if (!chat.queues[chat.filling].append(piece.bytes)) {
        return http_audio_cut(chat, HttpEnd::failed, "out of memory");
    }
    chat.received += piece.bytes.size();
    chat.begun = true;
    ++chat.events;
    metric_add(Metric::http_events);
    http_chat_act(chat);
}

// The end: all of it is here, or it has failed.
void take_answer(HttpChat& chat, const OneAnswer& answer) {
    if (answer.connection != chat.id || chat.ending || chat.ready) {
        return;
    }
    if (answer.status == NGX_HTTP_OK) {
        if (decode_audio_length(answer.body) != chat.received) {
            return http_audio_cut(chat, HttpEnd::failed, "a piece of the answer is missing");
        }
        chat.begun = chat.ending = true;
        return http_chat_act(chat);
    }
    if (chat.begun) {
        return http_audio_cut(chat, HttpEnd::failed, "the answer broke off");
    }
    chat.status = answer.status;
    chat.retry_after_s = answer.retry_after_s;
    chat.broken = !chat.answer.append(answer.body);
    chat.ready = !chat.broken;
    http_chat_note(chat, HttpEnd::failed, "could not be spoken");
    http_chat_act(chat);
}

} // namespace

Refusal judge_audio_content(const ngx_http_request_t* r, const ChatHeaders& headers,
                            const LocationConf& conf) noexcept {
    if (!headers.accepts_audio) {
        return {406, "Speech is audio/mpeg.", "406 Not Acceptable", {}, {}};
    }
    if (!headers.is_json) {
        return {NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                "What is to be spoken is application/json.",
                {},
                {},
                {}};
    }
    if (r->headers_in.content_length_n > static_cast<off_t>(conf.max_message)) {
        return {NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "The text is too long.", {}, {}, {}};
    }
    return {};
}

bool http_audio_may_ask(HttpChat& chat) noexcept {
    const Session* session = chat.relay.session;
    if (session != nullptr && session->subscription == Subscription::live) {
        return true;
    }
    if (session == nullptr || hub_is_down(*session->hub)) {
        http_chat_refuse(chat, ErrorCode::relay_unavailable, 1000);
    }
    return false;
}

void http_audio_event(HttpChat& chat, const EventView& event) noexcept {
    if ((event.flags & kEventLiveOnly) != 0) {
        if (const auto piece = decode_audio_piece(event.bytes)) {
            take_piece(chat, *piece);
        }
    } else if ((event.flags & kEventAnswer) != 0) {
        if (const auto answer = decode_one_answer(event.bytes)) {
            take_answer(chat, *answer);
        }
    }
}

void http_audio_cut(HttpChat& chat, HttpEnd end, std::string_view reason) noexcept {
    if (!chat.begun) {
        http_chat_refuse(chat, ErrorCode::relay_unavailable, 1000);
        return;
    }
    http_chat_note(chat, end, reason);
    chat.broken = true;
    http_chat_act(chat);
}

void http_audio_given(HttpChat& chat) noexcept {
    Session* session = chat.relay.session;
    const uint64_t given = chat.received - http_chat_queued_bytes(chat);
    if (session == nullptr || chat.ending || given - chat.credited < kAudioCreditBytes) {
        return;
    }
    chat.credited = given;
    mailbox_credit(*session, chat, given);
}

void http_audio_tick(HttpChat& chat) noexcept {
    const ngx_msec_t waited = ngx_current_msec - chat.opened_at;
    if (!chat.asked && !chat.ready && waited >= kAudioLinkMs) {
        http_chat_refuse(chat, ErrorCode::relay_unavailable, 1000);
    }
}

} // namespace mr
