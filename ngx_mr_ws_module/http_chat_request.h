// A request to `mr_ws_http` as a judgement: which form of answer it wants, whether it asks or
// resumes, or one reason why not. Reads the request's headers; never answers, never changes the
// request.
#pragma once

#include "ngx_mr_ws_module/handshake.h"
#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/relay.h"
#include "ngx_mr_ws_module/settings.h"
#include "shared/ids.h"

#include <string_view>

namespace mr {

// The header lines that matter here, beside those of the handshake.
struct ChatHeaders {
    ngx_uint_t resume_tokens = 0; // how often the line occurs
    ngx_uint_t last_event_ids = 0;
    ngx_uint_t content_types = 0;
    std::string_view resume_token; // views into the request
    std::string_view last_event_id;
    std::string_view content_type;
    bool accepts_stream = false; // and prefers it
    bool accepts_json = false;
    bool accepts_audio = false;
    bool is_json = false; // the content
};

ChatHeaders collect_chat_headers(const ngx_http_request_t* r) noexcept;

// What may be asked for, and how. `status` 0: it is good.
Refusal judge_chat_method(const ngx_http_request_t* r, const LocationConf& conf) noexcept;
Refusal judge_chat_content(const ngx_http_request_t* r, const ChatHeaders& headers,
                           const LocationConf& conf) noexcept;

// The session it goes on with. `session` is where its id is kept. False: such a session cannot be
// gone on with by this client; why stays untold.
bool judge_chat_resume(const ChatHeaders& headers, const LocationConf& conf,
                       std::string_view subject, char session[kSessionIdChars],
                       OpenRequest& open) noexcept;

} // namespace mr
