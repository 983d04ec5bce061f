// The body of a request, whole and in one piece, wherever nginx has put it: buffers or a temporary
// file. Never parses it.
#pragma once

#include "ngx_mr_ws_module/ngx.h"
#include "shared/buffer.h"

namespace mr {

// NGX_OK; else the status to refuse with: 413 above `max_bytes`, 500 when it cannot be read. The
// body has to be there (ngx_http_read_client_request_body).
ngx_int_t http_collect_body(ngx_http_request_t* r, size_t max_bytes, Buffer& out) noexcept;

} // namespace mr
