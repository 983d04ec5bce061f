// `POST /v1/tts`: text in, MP3 out, as a kind of HttpChat (http_chat.h): its question is mailed to
// the app `tts`, whose answer comes in pieces (shared/audio_piece.h) and goes on as it comes.
// Before the first piece a failure is an error like any other; behind it the answer is cut, so that
// nobody takes half of it for all. Owns the order of the pieces and what the worker is told of the
// client's pace.
#pragma once

#include "ngx_mr_ws_module/http_chat.h"
#include "ngx_mr_ws_module/http_chat_request.h"

namespace mr {

// Pieces are not logged: nothing is asked for before they can be heard. So long is waited for that.
inline constexpr ngx_msec_t kAudioLinkMs = 5000;

inline bool is_audio(const HttpChat& chat) noexcept {
    return chat.kind == FollowerKind::http_audio;
}

// What may be asked for, and how. `status` 0: it is good.
Refusal judge_audio_content(const ngx_http_request_t* r, const ChatHeaders& headers,
                            const LocationConf& conf) noexcept;

// The question may be mailed: what is published for it will be heard. Refuses it when a link to
// Redis is down: with the link of commands alone it would be spoken to nobody.
bool http_audio_may_ask(HttpChat& chat) noexcept;

void http_audio_event(HttpChat& chat, const EventView& event) noexcept;

// Ends an answer in the middle; before the first byte it is an error like any other.
void http_audio_cut(HttpChat& chat, HttpEnd end, std::string_view reason) noexcept;

// After output: tells the worker how much has gone.
void http_audio_given(HttpChat& chat) noexcept;

// Once a second, before anything has come.
void http_audio_tick(HttpChat& chat) noexcept;

} // namespace mr
