// Errors of the HTTP endpoints in one form: `{"error":{"code":…,"message":…,"trace_id":…}}` with
// the status that belongs to the code. Owns their text, which holds nothing but fixed words and a
// trace id; never decides that something is an error.
#pragma once

#include "ngx_mr_ws_module/handshake.h"
#include "ngx_mr_ws_module/ngx.h"
#include "shared/buffer.h"
#include "shared/error_code.h"
#include "shared/one_answer.h"

#include <string_view>

namespace mr {

// Where nothing else is known of when a retry can help.
inline constexpr std::string_view kRetryAfterText = "2";
static_assert(kHttpRetryAfterS == 2);

// False: out of memory. The texts need no escapes.
bool http_error_body(Buffer& out, std::string_view code, std::string_view message,
                     std::string_view trace_id) noexcept;

// Answers a request that is refused before anything was asked; what it returns is for the content
// handler to return, or to finalize with. Empties no pools: `refusal` holds literals.
ngx_int_t http_error(ngx_http_request_t* r, const Refusal& refusal, std::string_view code,
                     std::string_view trace_id) noexcept;

// The code of a refusal that has none of its own.
std::string_view http_error_name(const Refusal& refusal) noexcept;

Refusal http_refusal(ErrorCode code) noexcept;

} // namespace mr
