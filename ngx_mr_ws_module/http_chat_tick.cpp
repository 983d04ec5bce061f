// What a question over HTTP looks after once a second: how long its answer takes, silence, the
// access token, and the end of the process.
#include "ngx_mr_ws_module/http_audio.h"

namespace mr {
namespace {

bool reached(ngx_msec_t when) {
    return static_cast<ngx_msec_int_t>(ngx_current_msec - when) >= 0;
}

ngx_msec_t random_below(ngx_msec_t limit) {
    return limit == 0 ? 0 : static_cast<ngx_msec_t>(ngx_random()) % limit;
}

// A stream ends in the second half of the window, so that an answer has the first half at least;
// whoever read it resumes elsewhere. A request that waits for one object gets it: nginx's process
// lives until then; so does one that hears speech, which cannot be resumed.
void check_drain(HttpChat& chat) {
    if (!ngx_exiting || !chat.begun || is_audio(chat)) {
        return;
    }
    const ngx_msec_t half = chat.conf->drain / 2;
    if (!chat.draining) {
        chat.draining = true;
        chat.drain_at = ngx_current_msec + half + random_below(half);
    }
    if (reached(chat.drain_at) && !chat.ending) {
        http_chat_tell(
            chat, as_bytes(R"({"type":"going_away","reconnect_in_ms":500,"reason":"reload"})"));
        chat.ending = true;
        http_chat_note(chat, HttpEnd::drained, "draining");
    }
}

void end_early(HttpChat& chat, HttpEnd end, std::string_view reason) {
    if (is_audio(chat)) {
        return http_audio_cut(chat, end, reason);
    }
    chat.ending = true;
    http_chat_note(chat, end, reason);
}

void check_stream(HttpChat& chat) {
    const bool expired =
        chat.identity != nullptr && chat.identity->expired(static_cast<uint64_t>(ngx_time()));
    if (expired) {
        end_early(chat, HttpEnd::token_expired, "access token expired");
    } else if (reached(chat.heard_at + chat.conf->http_timeout)) {
        end_early(chat, HttpEnd::timed_out, "nothing came within mr_ws_http_timeout");
    }
    if (!is_audio(chat) && chat.conf->ping_interval != 0 && http_chat_queued_bytes(chat) == 0 &&
        reached(chat.wrote_at + chat.conf->ping_interval)) {
        http_chat_queue_ping(chat);
    }
}

} // namespace

void http_chat_tick(HttpChat& chat) noexcept {
    ngx_add_timer(&chat.tick, kHttpTickMs);
    if (chat.begun) {
        check_stream(chat);
        check_drain(chat);
    } else if (!chat.ready && reached(chat.opened_at + chat.conf->http_timeout)) {
        http_chat_leave(chat, chat.asked);
        http_chat_refuse(chat, ErrorCode::turn_timeout, 0);
    } else if (is_audio(chat)) {
        http_audio_tick(chat);
    }
    http_chat_act(chat);
}

} // namespace mr
