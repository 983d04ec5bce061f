// Follows out lanes: live batches and pages of the log become frames of the connections behind
// them, exactly once and in order by the rule of shared/lane_cursor.h. Owns the cursor of every
// connection, gaps, full sockets, and the way back of a connection whose position the log no longer
// knows. Never interprets an event, never sends to Redis anything but reads.
#pragma once

#include "ngx_mr_ws_module/hub.h"
#include "ngx_mr_ws_module/session.h"
#include "shared/bytes.h"

namespace mr {

// A batch came over the session's channel.
void lane_publication(Session& session, ByteView batch) noexcept;

// The subscription is confirmed: from now on publications arrive, what was before is in the log.
void lane_subscribed(Session& session) noexcept;

// Starts the read that is due, if any; for the tick and after a reconnect.
void lane_retry(Session& session) noexcept;

// Position check: reads the log from the oldest cursor, expecting nothing.
void lane_check(Session& session) noexcept;

// A connection has joined and needs the log from its cursor.
void lane_joined(Follower& connection) noexcept;

// The socket of a lagging connection has room again.
void lane_drained(Follower& connection) noexcept;

// When Redis is away, resumes get their greeting without knowing what the log holds. A moment's
// absence is waited for.
void lane_greet_without_redis(Session& session) noexcept;

// Some follower is not where publications are.
bool lane_unsettled(const Session& session) noexcept;

} // namespace mr
