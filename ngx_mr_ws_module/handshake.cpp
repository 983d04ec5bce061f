#include "ngx_mr_ws_module/handshake.h"

#include "shared/bytes.h"
#include "shared/token.h"
#include "shared/ws_handshake.h"

namespace mr {
namespace {

void take_protocols(std::string_view value, HandshakeHeaders& headers) {
    headers.protocols_valid = headers.protocols_valid && subprotocols_valid(value);
    TokenList list(value);
    while (const auto name = list.next()) {
        if (*name == kProtocolV2) {
            headers.offers_v2 = true;
        } else if (name->starts_with(kResumeProtocolPrefix)) {
            headers.resume = *name;
        } else if (name->starts_with(kTokenProtocolPrefix)) {
            headers.token_protocol = slice(*name, kTokenProtocolPrefix.size());
            ++headers.token_protocols;
        }
    }
}

void take_extensions(std::string_view value, HandshakeHeaders& headers) {
    const ExtensionOffers offers = read_extensions(value);
    headers.extensions_valid = headers.extensions_valid && offers.well_formed;
    if (!headers.deflate) {
        headers.deflate = offers.deflate;
    }
}

// `Bearer <token>` (RFC 6750 section 2.1); other schemes are other modules' business.
void take_authorization(std::string_view value, HandshakeHeaders& headers) {
    constexpr std::string_view kScheme = "Bearer ";
    if (!equals_ignoring_case(slice(value, 0, kScheme.size()), kScheme)) {
        return;
    }
    value.remove_prefix(kScheme.size());
    while (value.starts_with(' ')) {
        value.remove_prefix(1);
    }
    headers.bearer = value;
    ++headers.bearers;
}

void take_header(std::string_view name, std::string_view value, HandshakeHeaders& headers) {
    if (name == "upgrade") {
        headers.upgrade = true;
        headers.upgrade_websocket |= token_list_contains(value, "websocket");
    } else if (name == "connection") {
        headers.connection_upgrade |= token_list_contains(value, "upgrade");
    } else if (name == "sec-websocket-key") {
        headers.key = value;
        ++headers.keys;
    } else if (name == "sec-websocket-version") {
        headers.version = value;
        ++headers.versions;
    } else if (name == "sec-websocket-protocol") {
        take_protocols(value, headers);
    } else if (name == "sec-websocket-extensions") {
        take_extensions(value, headers);
    } else if (name == "origin") {
        headers.origin = value;
        ++headers.origins;
    } else if (name == "traceparent") {
        headers.traceparent = value;
    } else if (name == "authorization") {
        take_authorization(value, headers);
    }
}

bool is_http_1_1(const ngx_http_request_t* r) {
#if (NGX_HTTP_V2)
    if (r->stream != nullptr) {
        return false;
    }
#endif
    return r->http_version == NGX_HTTP_VERSION_11;
}

bool has_body(const ngx_http_request_t* r) {
    return r->headers_in.content_length_n > 0 || r->headers_in.chunked;
}

Refusal refuse(ngx_uint_t status, std::string_view reason) {
    return {status, reason, {}, {}, {}};
}

Refusal upgrade_required(std::string_view reason, std::string_view name, std::string_view value) {
    return {426, reason, "426 Upgrade Required", name, value};
}

} // namespace

bool is_replayable(const ngx_http_request_t* r) noexcept {
    return r->connection->ssl != nullptr && r->connection->ssl->in_early;
}

Refusal judge_origin(const ngx_http_request_t* r, const HandshakeHeaders& headers,
                     const LocationConf& conf) noexcept {
    if (headers.origins == 0) {
        return {}; // not a browser
    }
    const std::string_view host =
        r->headers_in.host != nullptr ? to_view(r->headers_in.host->value) : std::string_view{};
    const bool tls = r->connection->ssl != nullptr;
    if (headers.origins > 1 || !origin_allowed(*conf.origins, headers.origin, host, tls)) {
        return refuse(NGX_HTTP_FORBIDDEN, "This origin may not connect here.");
    }
    return {};
}

HandshakeHeaders collect_headers(const ngx_http_request_t* r) noexcept {
    HandshakeHeaders headers;
    for (const ngx_list_part_t* part = &r->headers_in.headers.part; part != nullptr;
         part = part->next) {
        const auto* lines = static_cast<const ngx_table_elt_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            const ngx_str_t name = {lines[i].key.len, lines[i].lowcase_key};
            take_header(to_view(name), to_view(lines[i].value), headers);
        }
    }
    return headers;
}

Refusal judge_handshake(const ngx_http_request_t* r, const HandshakeHeaders& headers,
                        const LocationConf& conf) noexcept {
    if (ngx_exiting || ngx_quit || ngx_terminate) {
        return refuse(NGX_HTTP_SERVICE_UNAVAILABLE,
                      "This server is stopping, please connect again.");
    }
    if (!is_http_1_1(r)) {
        return refuse(NGX_HTTP_BAD_REQUEST, "A WebSocket needs HTTP/1.1.");
    }
    if (is_replayable(r)) {
        return {425, "A WebSocket cannot be opened in early data.", "425 Too Early", {}, {}};
    }
    if (r->method != NGX_HTTP_GET) {
        return {NGX_HTTP_NOT_ALLOWED, "A WebSocket is opened with GET.", {}, "Allow", "GET"};
    }
    if (!headers.upgrade) {
        return upgrade_required("Only WebSocket connections are served here.", "Upgrade",
                                "websocket");
    }
    if (!headers.upgrade_websocket) {
        return refuse(NGX_HTTP_BAD_REQUEST, "The Upgrade header does not name websocket.");
    }
    if (!headers.connection_upgrade) {
        return refuse(NGX_HTTP_BAD_REQUEST, "The Connection header does not name Upgrade.");
    }
    if (headers.versions != 1 || headers.version != kWsVersion) {
        return upgrade_required("The Sec-WebSocket-Version has to be 13.", "Sec-WebSocket-Version",
                                kWsVersion);
    }
    if (headers.keys != 1 || !key_valid(headers.key)) {
        return refuse(NGX_HTTP_BAD_REQUEST, "There has to be one Sec-WebSocket-Key of 16 bytes.");
    }
    if (!headers.protocols_valid) {
        return refuse(NGX_HTTP_BAD_REQUEST, "The Sec-WebSocket-Protocol header is malformed.");
    }
    if (!headers.extensions_valid) {
        return refuse(NGX_HTTP_BAD_REQUEST, "The Sec-WebSocket-Extensions header is malformed.");
    }
    if (has_body(r)) {
        return refuse(NGX_HTTP_BAD_REQUEST, "A WebSocket handshake has no body.");
    }
    return judge_origin(r, headers, conf);
}

} // namespace mr
