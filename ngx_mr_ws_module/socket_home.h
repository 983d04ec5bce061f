// Where a detached connection keeps the little of nginx's that it still needs: its log, its
// addresses, nginx's part of its TLS. nginx has a pool of half a kilobyte for it, or two of them
// under TLS, of which a quarter is in use once the HTTP request is gone. Under TLS it moves into a
// pool that fits, since the end of TLS is nginx's own and may last; without into no pool at all.
#pragma once

#include "ngx_mr_ws_module/ngx.h"

namespace mr {

// Moves it out of its pool, which is returned and the caller's to destroy when nothing in it is
// needed any more. Null: it stays where it is, for want of memory, or because another module waits
// for the end of the pool. What TLS has buffered must be sent.
ngx_pool_t* socket_move_out(ngx_connection_t* c) noexcept;

// Closes it, wherever it lives.
void socket_close(ngx_connection_t* c) noexcept;

// Of the process.
void socket_homes_init(ngx_log_t* log) noexcept;
void socket_homes_exit() noexcept; // all are closed

} // namespace mr
