// Cross-origin requests to the HTTP endpoints (Fetch Standard, section 3.2), where `mr_ws_cors` is
// on: the preflight, and the headers that let a page read the answer. Which pages may is the policy
// of `mr_ws_origin`, as for WebSockets. Owns the headers; never decides about an origin itself.
#pragma once

#include "ngx_mr_ws_module/handshake.h"
#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/settings.h"

namespace mr {

// Adds the headers for an origin that is allowed. Nothing where CORS is off or no origin is named.
// False: out of memory.
bool cors_add_headers(ngx_http_request_t* r, const HandshakeHeaders& headers,
                      const LocationConf& conf) noexcept;

// The answer to the OPTIONS request of an allowed origin; the content handler's result.
ngx_int_t cors_answer_preflight(ngx_http_request_t* r) noexcept;

} // namespace mr
