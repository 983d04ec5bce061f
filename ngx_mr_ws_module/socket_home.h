// Where a detached connection without TLS keeps the little of nginx's that it still needs: its log,
// its addresses. nginx has a pool of half a kilobyte for it, of which a quarter is in use once the
// HTTP request is gone. A connection under TLS stays in its pool, for OpenSSL's sake.
#pragma once

#include "ngx_mr_ws_module/ngx.h"

namespace mr {

// Moves it out of its pool, which is returned and the caller's to destroy when nothing in it is
// needed any more. Null: it stays where it is, for TLS, for want of memory, or because another
// module waits for the end of the pool.
ngx_pool_t* socket_move_out(ngx_connection_t* c) noexcept;

// Closes it, wherever it lives.
void socket_close(ngx_connection_t* c) noexcept;

// Of the process.
void socket_homes_init(ngx_log_t* log) noexcept;
void socket_homes_exit() noexcept; // all are closed

} // namespace mr
