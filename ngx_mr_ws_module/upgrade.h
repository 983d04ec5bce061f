// The way from an HTTP request to a WebSocket: the content handler answers 101 or refuses, then
// frees the request and hands its socket to connection.h. Afterwards nothing of HTTP is left but
// nginx's own connection object.
#pragma once

#include "ngx_mr_ws_module/ngx.h"

namespace mr {

// Content handler of locations with `mr_ws chat` or `mr_ws echo`.
ngx_int_t upgrade_handler(ngx_http_request_t* r) noexcept;

} // namespace mr
