// A short answer to an HTTP request, made whole in memory: what the handshake refuses with, what
// the health endpoints say. Reads nothing of the request but what nginx needs to answer it.
#pragma once

#include "ngx_mr_ws_module/ngx.h"

#include <string_view>

namespace mr {

struct HttpAnswer {
    ngx_uint_t status = NGX_HTTP_OK;
    std::string_view body;                // one line, copied; the end of line is added
    std::string_view type = "text/plain"; // this and the following are literals
    std::string_view status_line;         // where nginx has none for the status
    std::string_view header_name;         // an additional header, or empty
    std::string_view header_value;
};

// Of resources that can only be read: true for GET and HEAD; otherwise the answer is this one.
inline bool http_reads(const ngx_http_request_t* r) noexcept {
    return (r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) != 0;
}
inline constexpr HttpAnswer kOnlyRead{
    NGX_HTTP_NOT_ALLOWED, "Only GET and HEAD are answered here.", "text/plain", {}, "Allow",
    "GET, HEAD"};

// Discards the request's body and answers; what it returns is the content handler's result. Without
// the body to HEAD.
ngx_int_t http_answer(ngx_http_request_t* r, const HttpAnswer& answer) noexcept;

// False: out of memory. `name` and `value` must live until the header is sent.
bool http_add_header(ngx_http_request_t* r, std::string_view name, std::string_view value) noexcept;

} // namespace mr
