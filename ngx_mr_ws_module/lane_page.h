// Which page of a session's log is read next: from where, for which of its followers, how many
// entries; and that the log is there as long as a slow reader needs it. Owns the turn-taking of
// followers at different positions and the size of pages; never reads, never delivers.
#pragma once

#include "ngx_mr_ws_module/session.h"
#include "shared/envelope.h"

#include <optional>

namespace mr {

// Of one reply, by the size of the entries seen last: what a slow reader's socket, half of the
// default `mr_ws_send_limit` full, has room for. A session's first page, or one in which the
// entries have become larger, may be longer: up to kMaxPageEntries batches.
inline constexpr size_t kPageBytes = 128 * 1024;

// The log of a finished turn expires (the workers' resume_window). While a connected client is
// still reading, it is kept: looked at this often, kept for this long.
inline constexpr uint32_t kKeepLogEveryMs = 5000;
inline constexpr uint64_t kKeptLogMs = 60000;

struct PageRequest {
    EventId from;           // entries behind it
    bool inclusive = false; // and the one that it ends, to prove that the log knows it
};

// May take part in a read: its socket has room and its position is not being looked for.
inline bool lane_readable(const RelayLink& link) {
    return !link.lagging && !link.lost;
}

// Some follower needs a read and can take part in one.
bool lane_any_behind(const Session& session) noexcept;

// Marks those who take part (`in_read`). Followers who need a read take the lead in turn, so nobody
// waits for one that is far behind to come up. `all`: from the oldest position, whether a read is
// needed or not. nullopt: nobody can take part.
std::optional<PageRequest> lane_next_page(Session& session, bool all) noexcept;

// Sizes the next page: by what was read, and by a batch that was published.
void lane_page_read(Session& session, size_t entries, size_t largest_bytes) noexcept;
void lane_page_published(Session& session, size_t bytes) noexcept;

// If a follower waits for its socket, puts the expiry of the log off.
void lane_keep_log(Session& session) noexcept;

} // namespace mr
