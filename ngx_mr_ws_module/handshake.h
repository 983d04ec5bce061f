// The opening handshake as a judgement: a request is a valid WebSocket upgrade that this location
// accepts, or there is one reason why not (RFC 6455 section 4.2). Reads the request's headers;
// never answers, never changes the request.
#pragma once

#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/settings.h"
#include "shared/ws_extension.h"

#include <optional>
#include <string_view>

namespace mr {

// The header lines that matter, collected in one pass.
struct HandshakeHeaders {
    bool upgrade = false;           // any `Upgrade` line at all
    bool upgrade_websocket = false; // names the protocol websocket
    bool connection_upgrade = false;
    bool protocols_valid = true;  // every Sec-WebSocket-Protocol line holds nothing but tokens
    bool extensions_valid = true; // every Sec-WebSocket-Extensions line keeps to the grammar
    bool offers_v2 = false;
    ngx_uint_t keys = 0; // how often the line occurs
    ngx_uint_t versions = 0;
    ngx_uint_t origins = 0;
    std::string_view key; // views into the request
    std::string_view version;
    std::string_view origin;
    std::string_view resume; // the subprotocol `mr.resume.…`, whole
    std::string_view traceparent;
    ngx_uint_t bearers = 0;         // `Authorization: Bearer …`
    ngx_uint_t token_protocols = 0; // the subprotocol `bearer.…`, for browsers
    std::string_view bearer;
    std::string_view token_protocol;     // without the prefix
    std::optional<DeflateOffer> deflate; // the first acceptable one
};

HandshakeHeaders collect_headers(const ngx_http_request_t* r) noexcept;

// Why not. `status` 0: the handshake is good.
struct Refusal {
    ngx_uint_t status = 0;
    std::string_view reason;      // one sentence for the body and the log
    std::string_view status_line; // where nginx has none for the status
    std::string_view header_name; // an additional header of the answer, or empty
    std::string_view header_value;
};

Refusal judge_handshake(const ngx_http_request_t* r, const HandshakeHeaders& headers,
                        const LocationConf& conf) noexcept;

// The parts that other endpoints judge as well. TLS 1.3 early data may be sent again by someone
// else, with the question in it (RFC 8446 section 8).
bool is_replayable(const ngx_http_request_t* r) noexcept;
Refusal judge_origin(const ngx_http_request_t* r, const HandshakeHeaders& headers,
                     const LocationConf& conf) noexcept;

} // namespace mr
