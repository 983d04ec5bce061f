// Where a session's log ended at which time: so much of it as is older than its window can go.
// Pure.
#pragma once

#include "shared/ids.h"

#include <chrono>
#include <list>

namespace mr {

inline constexpr size_t kMaxLogMarks = 4096; // beyond it, what is older goes early

class LogMarks {
  public:
    using Clock = std::chrono::steady_clock;

    void add(Clock::time_point now, EventId last) { marks_.push_back({now, last}); }

    // The newest event that is older than `window`, forgotten with this call; 0-0: there is none.
    EventId take_expired(Clock::time_point now, Clock::duration window) {
        EventId expired;
        while (!marks_.empty() &&
               (now - marks_.front().at > window || marks_.size() > kMaxLogMarks)) {
            expired = marks_.front().last;
            marks_.pop_front();
        }
        return expired;
    }

  private:
    struct Mark {
        Clock::time_point at;
        EventId last;
    };
    std::list<Mark> marks_; // unlike a deque, nothing while it is empty
};

} // namespace mr
