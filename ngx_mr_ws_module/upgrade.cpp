#include "ngx_mr_ws_module/upgrade.h"

#include "ngx_mr_ws_module/access.h"
#include "ngx_mr_ws_module/connection.h"
#include "ngx_mr_ws_module/detach.h"
#include "ngx_mr_ws_module/handshake.h"
#include "ngx_mr_ws_module/http_answer.h"
#include "ngx_mr_ws_module/limits.h"
#include "ngx_mr_ws_module/metrics.h"
#include "shared/token.h"
#include "shared/ws_handshake.h"

namespace mr {
namespace {

// Why, by the status: only 503 stands for more than one thing.
Metric reason_of(const Refusal& refusal) {
    switch (refusal.status) {
    case NGX_HTTP_UNAUTHORIZED:
        return Metric::refused_token;
    case NGX_HTTP_FORBIDDEN:
        return Metric::refused_forbidden;
    case NGX_HTTP_REQUEST_TIME_OUT:
        return Metric::refused_timeout;
    case NGX_HTTP_TOO_MANY_REQUESTS:
        return Metric::refused_limit;
    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return refusal.by_limit                           ? Metric::refused_limit
               : ngx_exiting || ngx_quit || ngx_terminate ? Metric::refused_draining
                                                          : Metric::refused_memory;
    default:
        return Metric::refused_handshake;
    }
}

ngx_int_t refuse(ngx_http_request_t* r, const Refusal& refusal) {
    metric_add(reason_of(refusal));
    metric_add(metric_of_status(refusal.status));
    const ngx_str_t reason = to_ngx(refusal.reason);
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0, "mr_ws: handshake refused with %ui: %V",
                  refusal.status, &reason);
    return http_answer(r, {refusal.status, refusal.reason, "text/plain", refusal.status_line,
                           refusal.header_name, refusal.header_value});
}

void discard_upgrade(void* data) noexcept {
    auto* upgrade = static_cast<Upgrade*>(data);
    if (upgrade->connection != nullptr) {
        connection_discard(upgrade->connection);
        upgrade->connection = nullptr;
    }
}

bool identify(Connection& connection, const HandshakeHeaders& headers) {
    connection.v2 = headers.offers_v2;
    return follower_identify(connection, headers.traceparent);
}

// The session of a resume token that is good; empty: it gets a new one.
std::string_view resumed_session(const HandshakeHeaders& headers, const Connection& connection) {
    if (headers.resume.empty() || !headers.offers_v2 || connection.subject().empty()) {
        return {}; // sessions of nobody are not counted
    }
    const auto resume =
        check_resume_protocol(headers.resume, connection.conf->main->secret, connection.subject(),
                              static_cast<uint64_t>(ngx_time()));
    return resume ? resume->session_id : std::string_view{};
}

// The answer to an acceptable offer of permessage-deflate, where it is switched on.
bool answer_deflate(ngx_http_request_t* r, const HandshakeHeaders& headers,
                    Connection& connection) {
    if (connection.conf->deflate == 0 || !headers.deflate) {
        return true;
    }
    auto* agreement = pool_make<DeflateAgreement>(r->pool);
    if (agreement == nullptr) {
        return false;
    }
    *agreement = agree_on_deflate(*headers.deflate,
                                  static_cast<uint8_t>(connection.conf->deflate_window_bits));
    connection.deflate_bits = agreement->window_bits;
    return http_add_header(r, "Sec-WebSocket-Extensions", agreement->answer_view());
}

bool send_switching_protocols(ngx_http_request_t* r, const HandshakeHeaders& headers,
                              Connection& connection) {
    auto* accept = static_cast<char*>(ngx_pnalloc(r->pool, kWsAcceptChars));
    if (accept == nullptr || !accept_key(headers.key, accept) ||
        !http_add_header(r, "Upgrade", "websocket") ||
        !http_add_header(r, "Sec-WebSocket-Accept", {accept, kWsAcceptChars}) ||
        (headers.offers_v2 && !http_add_header(r, "Sec-WebSocket-Protocol", kProtocolV2)) ||
        !answer_deflate(r, headers, connection)) {
        return false;
    }
    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    r->headers_out.status_line = to_ngx("101 Switching Protocols");
    const ngx_int_t rc = ngx_http_send_header(r); // not flushed: it leaves with the first frame
    return rc != NGX_ERROR && rc <= NGX_OK;
}

// Takes `identity` over with the upgrade that it returns; null: out of memory.
Upgrade* begin_upgrade(ngx_http_request_t* r, const LocationConf& conf, Identity* identity) {
    auto* upgrade = pool_make<Upgrade>(r->pool);
    ngx_http_cleanup_t* cleanup = upgrade != nullptr ? ngx_http_cleanup_add(r, 0) : nullptr;
    if (cleanup != nullptr) {
        upgrade->connection = connection_create(conf);
    }
    if (cleanup == nullptr || upgrade->connection == nullptr) {
        identity_destroy(identity);
        return nullptr;
    }
    upgrade->connection->identity = identity;
    upgrade->began_at = ngx_current_msec;
    cleanup->handler = discard_upgrade;
    cleanup->data = upgrade;
    return upgrade;
}

ngx_int_t accept(ngx_http_request_t* r, const HandshakeHeaders& headers, const LocationConf& conf,
                 Identity* identity) {
    Upgrade* upgrade = begin_upgrade(r, conf, identity);
    if (upgrade == nullptr || !identify(*upgrade->connection, headers)) {
        metric_add(Metric::refused_memory);
        metric_add(Metric::status_503);
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
    Connection& connection = *upgrade->connection;
    const Refusal refusal =
        limits_admit(r, connection, resumed_session(headers, connection), connection.holds);
    if (refusal.status != 0) {
        return refuse(r, refusal);
    }
    ngx_http_set_ctx(r, upgrade, ngx_mr_ws_module);
    if (!send_switching_protocols(r, headers, connection)) {
        // Nothing is answered any more, so it has no status.
        metric_add(
            metric_if(r->connection->error, Metric::refused_aborted, Metric::refused_memory));
        return NGX_ERROR;
    }
    detach_when_answered(r);
    return NGX_DONE;
}

} // namespace

ngx_int_t upgrade_handler(ngx_http_request_t* r) noexcept {
    const auto& conf =
        *static_cast<const LocationConf*>(ngx_http_get_module_loc_conf(r, ngx_mr_ws_module));
    if (conf.kind() == AppKind::off) {
        return NGX_DECLINED;
    }
    if (r != r->main) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "mr_ws: a subrequest cannot become a WebSocket");
        return NGX_HTTP_NOT_FOUND;
    }
    // Whatever comes of it, the socket never goes back to HTTP: bytes meant for a WebSocket would
    // be read as a request.
    r->keepalive = 0;
    const HandshakeHeaders headers = collect_headers(r);
    Refusal refusal = judge_handshake(r, headers, conf);
    Identity* identity = nullptr;
    if (refusal.status == 0) {
        refusal = judge_handshake_time(r, conf);
    }
    if (refusal.status == 0) {
        refusal = judge_access(r, headers, conf, identity);
    }
    return refusal.status != 0 ? refuse(r, refusal) : accept(r, headers, conf, identity);
}

} // namespace mr
