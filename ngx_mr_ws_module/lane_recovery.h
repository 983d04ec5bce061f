// The way back of connections whose position the log no longer knows: announced, never glossed
// over. One read per session of what is left (top of the log, top noted when it was finished,
// snapshot), then every lost connection goes on from the snapshot or from the top.
#pragma once

#include "ngx_mr_ws_module/session.h"

namespace mr {

void lane_recover(Session& session) noexcept;

} // namespace mr
