// A session belongs to the subject of its first mail, which Redis remembers (shared/scripts.h). The
// resume token says so already, signed; this is the second lock, for a token whose key has leaked
// or is shared by mistake: a subject other than the owner's neither reads nor writes. Owns the
// question to Redis and what a stranger is told.
#pragma once

#include "ngx_mr_ws_module/follower.h"
#include "ngx_mr_ws_module/session.h"

namespace mr {

// A connection resumes a session: asks whose it is. Called before the log is read, on the same
// link, so that the answer comes before any event. Without an answer (Redis is away for longer than
// commands are held) the connection is closed with 1013. Nothing where nobody has a name.
void owner_ask(Follower& connection) noexcept;

// Asks for those who came before it was known where in this Redis the answer is.
void owner_ask_due(Session& session) noexcept;

// Redis has refused the connection's mail (null: it has gone): the session is somebody else's.
void owner_refuse(Session& session, Follower* connection) noexcept;

} // namespace mr
