// One coarse timer per process in place of several per connection: pings, idle and send timeouts,
// the end of the close handshake, and the pace of a drain. Visits every connection about once a
// second, in slices. Never reads or writes a socket itself.
#pragma once

#include "ngx_mr_ws_module/ngx.h"

namespace mr {

void sweep_init(ngx_log_t* log) noexcept;

// The timer runs while there are connections.
void sweep_connection_added() noexcept;
void sweep_connection_gone() noexcept;

// From now on all connections are visited at every tick, and the process lives until the last one
// has gone.
void sweep_drain() noexcept;

} // namespace mr
