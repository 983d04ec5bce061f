#include "ngx_mr_ws_module/http_cors.h"

#include "ngx_mr_ws_module/http_answer.h"

namespace mr {
namespace {

constexpr std::string_view kRequestHeaders =
    "Accept, Authorization, Content-Type, Last-Event-ID, MR-Resume-Token, Traceparent";
constexpr std::string_view kExposedHeaders = "MR-Resume-Token, Retry-After";

} // namespace

// A page of any origin gets `*`: then browsers send no cookie and show none. Cookies are for
// origins that are named.
bool cors_add_headers(ngx_http_request_t* r, const HandshakeHeaders& headers,
                      const LocationConf& conf) noexcept {
    if (conf.cors == 0) {
        return true;
    }
    if (conf.origins->any) {
        return headers.origins == 0 ||
               (http_add_header(r, "Access-Control-Allow-Origin", "*") &&
                http_add_header(r, "Access-Control-Expose-Headers", kExposedHeaders));
    }
    if (!http_add_header(r, "Vary", "Origin")) {
        return false;
    }
    return headers.origins == 0 ||
           (http_add_header(r, "Access-Control-Allow-Origin", headers.origin) &&
            http_add_header(r, "Access-Control-Allow-Credentials", "true") &&
            http_add_header(r, "Access-Control-Expose-Headers", kExposedHeaders));
}

ngx_int_t cors_answer_preflight(ngx_http_request_t* r) noexcept {
    const ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }
    if (!http_add_header(r, "Access-Control-Allow-Methods", "POST") ||
        !http_add_header(r, "Access-Control-Allow-Headers", kRequestHeaders) ||
        !http_add_header(r, "Access-Control-Max-Age", "600")) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;
    return ngx_http_send_header(r);
}

} // namespace mr
