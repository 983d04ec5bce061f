#include "ngx_mr_ws_module/http_error.h"

#include "ngx_mr_ws_module/http_answer.h"

namespace mr {

bool http_error_body(Buffer& out, std::string_view code, std::string_view message,
                     std::string_view trace_id) noexcept {
    return out.append(std::string_view(R"({"error":{"code":")")) && out.append(code) &&
           out.append(std::string_view(R"(","message":")")) && out.append(message) &&
           out.append(std::string_view(R"(","trace_id":")")) && out.append(trace_id) &&
           out.append(std::string_view(R"("}})"));
}

ngx_int_t http_error(ngx_http_request_t* r, const Refusal& refusal, std::string_view code,
                     std::string_view trace_id) noexcept {
    const ngx_str_t reason = to_ngx(refusal.reason);
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0, "mr_ws: request refused with %ui: %V",
                  refusal.status, &reason);
    Buffer body;
    if (!http_error_body(body, code, refusal.reason, trace_id) ||
        !http_add_header(r, "Cache-Control", "no-store")) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    return http_answer(r, {refusal.status, body.text(), "application/json", refusal.status_line,
                           refusal.header_name, refusal.header_value});
}

std::string_view http_error_name(const Refusal& refusal) noexcept {
    switch (refusal.status) {
    case NGX_HTTP_UNAUTHORIZED:
        return error_text(ErrorCode::bad_token).name;
    case NGX_HTTP_FORBIDDEN:
        return "forbidden";
    case NGX_HTTP_NOT_ALLOWED:
        return "method_not_allowed";
    case 406:
        return "not_acceptable";
    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return error_text(ErrorCode::too_large).name;
    case NGX_HTTP_UNSUPPORTED_MEDIA_TYPE:
        return "unsupported_media_type";
    case 425:
        return "too_early";
    case NGX_HTTP_TOO_MANY_REQUESTS:
        return error_text(ErrorCode::rate_limited).name;
    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return error_text(refusal.by_limit ? ErrorCode::busy : ErrorCode::relay_unavailable).name;
    default:
        return error_text(refusal.status >= NGX_HTTP_INTERNAL_SERVER_ERROR ? ErrorCode::internal
                                                                           : ErrorCode::bad_request)
            .name;
    }
}

Refusal http_refusal(ErrorCode code) noexcept {
    const uint16_t status = http_status(code);
    Refusal refusal{status, error_text(code).message, {}, {}, {}};
    if (http_retry_after_s(code) != 0) {
        refusal.header_name = "Retry-After";
        refusal.header_value = kRetryAfterText;
    }
    return refusal;
}

} // namespace mr
