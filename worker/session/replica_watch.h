// Since when every replica of Redis has what the primary has acknowledged: what is older survives
// a failover, and nobody has to keep it for one. Judges replies to ROLE; asks nobody itself.
// https://redis.io/docs/latest/commands/role/
#pragma once

#include "shared/resp.h"

#include <chrono>
#include <cstdint>

namespace mr {

class ReplicaWatch {
  public:
    using Clock = std::chrono::steady_clock;

    // The reply to a ROLE that was sent at `asked`, over the connection that is watched.
    void heard(Clock::time_point asked, const Reply& role);
    // The connection has gone: behind it may be another primary, whose offsets are others. How many
    // replicas there have been is remembered, for one that is not there may be the next primary.
    void lost();

    // What was acknowledged before this moment is with all of them. The clock's smallest value:
    // that is not known.
    Clock::time_point have_all_before() const { return have_all_before_; }

  private:
    static constexpr Clock::time_point kNever = Clock::time_point::min();

    Clock::time_point have_all_before_ = kNever;
    Clock::time_point mark_ = kNever; // the primary was at mark_offset_ at this moment or later
    int64_t mark_offset_ = 0;
    size_t most_replicas_ = 0;
};

} // namespace mr
