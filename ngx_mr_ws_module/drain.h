// The end of a process that is still serving (`nginx -s reload`, `-s quit`): its sessions are
// closed with 1001, each at a random point of the first half of `mr_ws_drain`, so that clients do
// not all come back at once; a session with a running answer goes when the answer ends, at the
// latest with the window. So an answer that begins before its session's point has half of the
// window at least. Decides when; connection.h closes.
#pragma once

#include "ngx_mr_ws_module/connection.h"

namespace mr {

// Starts the drain of this process; does nothing when it has begun.
void drain_begin() noexcept;

// Closes the connection if it is due.
void drain_check(Connection& connection) noexcept;

} // namespace mr
