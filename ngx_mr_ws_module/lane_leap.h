// Long gaps: a client that comes back to the middle of a long answer gets the answer's snapshot and
// what follows it, in place of thousands of events. Only within one turn: a snapshot stands for the
// events of its turn alone, and a client that misses more than that must have every event.
#pragma once

#include "ngx_mr_ws_module/session.h"

namespace mr {

// Events that are read one by one; a longer gap is worth a snapshot.
inline constexpr uint64_t kLongGapEvents = 1000;

// How many events lie behind `cursor`, up to `last`: in a later epoch, at least its own number.
inline uint64_t lane_events_ahead(EventId cursor, EventId last) {
    return last <= cursor ? 0 : last.seq - (last.epoch == cursor.epoch ? cursor.seq : 0);
}

bool lane_any_leap(const Session& session) noexcept;

// For followers with `leap`: those whose first page was full. Reads the session's snapshot, first
// only what it stands for. Those for whom it is worth it go on behind it; all others, and everybody
// when it cannot be read, go on page by page.
void lane_leap(Session& session) noexcept;

} // namespace mr
