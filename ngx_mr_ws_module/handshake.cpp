#include "ngx_mr_ws_module/handshake.h"

#include "shared/ws_handshake.h"

namespace mr {
namespace {

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
    // Not nginx's `in_early`: that ends with the EndOfEarlyData message, which can be repeated with
    // the rest of the flight. Only the client's Finished cannot (RFC 8446 section 8).
    return r->connection->ssl != nullptr &&
           SSL_is_init_finished(r->connection->ssl->connection) == 0;
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
        return {NGX_HTTP_SERVICE_UNAVAILABLE,
                "This server is stopping, please connect again.",
                {},
                "Retry-After",
                "1"};
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
