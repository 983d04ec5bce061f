// Detaching a WebSocket from its HTTP request: the 101 goes to connection.h, in front of the first
// frame, unless HTTP has to send it itself, and so does the socket; the request is freed with all
// its memory. It costs what hangs on a request: limit_conn no
// longer counts the connection, and the access log has a line for the handshake only. Never judges
// a handshake, never answers one.
#pragma once

#include "ngx_mr_ws_module/connection.h"
#include "ngx_mr_ws_module/ngx.h"

namespace mr {

// An upgrade under way: context of the request, in its pool, and gone with it.
struct Upgrade {
    Connection* connection = nullptr; // owned until it is adopted
    ngx_msec_t began_at = 0;
};

// The 101 is sent or buffered, and the context is set. Takes a reference of the request and its
// events over: a request may not be freed under its own content handler, so that happens in the
// next event. The content handler returns NGX_DONE behind it.
void detach_when_answered(ngx_http_request_t* r) noexcept;

} // namespace mr
