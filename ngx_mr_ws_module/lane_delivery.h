// One batch to one connection: which events go out, in which form. Owns the conversion of events to
// frames; never reads from Redis, never decides about gaps beyond reporting the verdict.
#pragma once

#include "ngx_mr_ws_module/follower.h"
#include "shared/bytes.h"
#include "shared/envelope.h"
#include "shared/lane_cursor.h"

#include <optional>

namespace mr {

// A batch looked at once, for all its followers.
struct BatchInfo {
    BatchHeader header;
    ByteView bytes;
    bool terminal = false;  // its last event ends the turn
    bool live_only = false; // published, not logged: it has no place in the order
};

// nullopt: malformed.
std::optional<BatchInfo> inspect_batch(ByteView bytes) noexcept;

// Delivers what the connection's cursor asks for and moves it. Marks the connection as lagging when
// its queue passes send_limit.
Verdict deliver_batch(Follower& connection, const BatchInfo& batch) noexcept;

// A snapshot in place of the events up to the one it stands for. v2 only.
void deliver_snapshot(Follower& connection, const Snapshot& snapshot) noexcept;

// Spoken audio and the like: to a connection that stands where the batch belongs and keeps up, or
// not at all. It moves no cursor and takes no part in what is known of turns. `gap`: the connection
// lacks something that was published before it, and is to read the log.
Verdict deliver_live_only(Follower& connection, const BatchInfo& batch) noexcept;

} // namespace mr
