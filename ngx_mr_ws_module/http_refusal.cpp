#include "ngx_mr_ws_module/http_refusal.h"

#include "ngx_mr_ws_module/handshake.h"
#include "ngx_mr_ws_module/http_answer.h"
#include "ngx_mr_ws_module/http_chat.h"
#include "ngx_mr_ws_module/http_cors.h"
#include "ngx_mr_ws_module/http_count.h"
#include "ngx_mr_ws_module/http_error.h"
#include "ngx_mr_ws_module/settings.h"

namespace mr {
namespace {

ngx_http_output_header_filter_pt next_filter;

std::string_view sentence(ngx_uint_t status) {
    switch (status) {
    case NGX_HTTP_BAD_REQUEST:
        return "The request is malformed.";
    case NGX_HTTP_UNAUTHORIZED:
        return "Credentials are needed.";
    case NGX_HTTP_FORBIDDEN:
        return "You may not ask here.";
    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return "The question is too long.";
    case NGX_HTTP_TOO_MANY_REQUESTS:
    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return "Too many requests just now.";
    default:
        return status >= NGX_HTTP_INTERNAL_SERVER_ERROR ? "Internal error"
                                                        : "This request cannot be answered.";
    }
}

// nginx sets err_status for its own pages alone; they are HTML, or empty where it has none.
bool is_page_of_nginx(const ngx_http_request_t* r, const LocationConf& conf) {
    return conf.http_kind() != AppKind::off && r == r->main &&
           r->err_status >= NGX_HTTP_BAD_REQUEST &&
           (r->headers_out.content_type.len == 0 ||
            to_view(r->headers_out.content_type) == "text/html");
}

// A request that has not come to our handler has neither been counted nor has its page been told
// that it may read the answer.
bool catch_up(ngx_http_request_t* r, const HandshakeHeaders& headers, const LocationConf& conf) {
    if (http_is_counted(r)) {
        return true;
    }
    const bool foreign = judge_origin(r, headers, conf).status != 0;
    return http_count(r) && (foreign || cors_add_headers(r, headers, conf));
}

// A request that was let in already has a trace of its own, and a line in the session log.
bool write_body(ngx_http_request_t* r, const HandshakeHeaders& headers, const Refusal& refusal,
                Buffer& body) {
    const std::string_view code = http_error_name(refusal);
    TraceContext trace;
    auto* chat = static_cast<HttpChat*>(ngx_http_get_module_ctx(r, ngx_mr_ws_module));
    if (chat != nullptr) {
        trace = chat->trace;
        http_chat_note(*chat, HttpEnd::failed, code);
    } else {
        accept_traceparent(headers.traceparent, trace);
    }
    return http_error_body(body, code, refusal.reason, trace.trace_id()) &&
           body.append(std::string_view("\n"));
}

// Sends header and body, and tells whoever wanted to send the page that there is no body.
ngx_int_t send(ngx_http_request_t* r, const Buffer& body) {
    ngx_buf_t* copy = ngx_create_temp_buf(r->pool, body.size());
    if (copy == nullptr) {
        return NGX_ERROR;
    }
    copy->last = ngx_cpymem(copy->last, body.data(), body.size());
    copy->last_buf = 1;
    copy->last_in_chain = 1;
    r->headers_out.content_length_n = static_cast<off_t>(body.size());
    r->headers_out.content_type = to_ngx("application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = nullptr;
    const ngx_int_t rc = next_filter(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }
    ngx_chain_t out = {copy, nullptr};
    const ngx_int_t sent = ngx_http_output_filter(r, &out);
    r->header_only = 1;
    return sent;
}

ngx_int_t on_header(ngx_http_request_t* r) noexcept {
    const auto& conf =
        *static_cast<const LocationConf*>(ngx_http_get_module_loc_conf(r, ngx_mr_ws_module));
    if (!is_page_of_nginx(r, conf)) {
        return next_filter(r);
    }
    const auto status = static_cast<ngx_uint_t>(r->err_status);
    const HandshakeHeaders headers = collect_headers(r);
    Refusal refusal{status, sentence(status), {}, {}, {}};
    refusal.by_limit = status == NGX_HTTP_SERVICE_UNAVAILABLE; // limit_req, limit_conn
    const bool crowded = refusal.by_limit || status == NGX_HTTP_TOO_MANY_REQUESTS;
    Buffer body;
    if (!catch_up(r, headers, conf) || !write_body(r, headers, refusal, body) ||
        !http_add_header(r, "Cache-Control", "no-store") ||
        (crowded && !http_add_header(r, "Retry-After", kRetryAfterText))) {
        return NGX_ERROR;
    }
    return send(r, body);
}

} // namespace

ngx_int_t http_refusal_init(ngx_conf_t* cf) noexcept {
    const auto* main =
        static_cast<const MainConf*>(ngx_http_conf_get_module_main_conf(cf, ngx_mr_ws_module));
    if (main->in_use) {
        next_filter = ngx_http_top_header_filter;
        ngx_http_top_header_filter = on_header;
    }
    return NGX_OK;
}

} // namespace mr
