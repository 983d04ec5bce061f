// The opening handshake as a judgement: a request is a valid WebSocket upgrade that this location
// accepts, or there is one reason why not (RFC 6455 section 4.2). Reads the request's headers;
// never answers, never changes the request.
#pragma once

#include "ngx_mr_ws_module/handshake_headers.h"
#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/settings.h"

#include <string_view>

namespace mr {

HandshakeHeaders collect_headers(const ngx_http_request_t* r) noexcept;

// Why not. `status` 0: the handshake is good.
struct Refusal {
    ngx_uint_t status = 0;
    std::string_view reason;      // one sentence for the body and the log
    std::string_view status_line; // where nginx has none for the status
    std::string_view header_name; // an additional header of the answer, or empty
    std::string_view header_value;
    bool by_limit = false; // of limits.h
};

Refusal judge_handshake(const ngx_http_request_t* r, const HandshakeHeaders& headers,
                        const LocationConf& conf) noexcept;

// The parts that other endpoints judge as well. TLS 1.3 early data may be sent again by someone
// else, with the question in it (RFC 8446 section 8).
bool is_replayable(const ngx_http_request_t* r) noexcept;
Refusal judge_origin(const ngx_http_request_t* r, const HandshakeHeaders& headers,
                     const LocationConf& conf) noexcept;

} // namespace mr
