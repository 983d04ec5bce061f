// When the out lanes of this worker are written: what became ready in one loop turn goes out
// together, at once when the connection has been quiet, else at most once per millisecond for all
// sessions (wake-ups of Redis and nginx are the cost of an event, not commands). Writes nothing
// without a valid lease. Also tells the lanes when the connection goes and comes.
#pragma once

#include "worker/redis/connection.h"
#include "worker/session/replica_watch.h"

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <unordered_set>
#include <vector>

namespace mr {

class Lease;
class OutLane;

inline constexpr std::chrono::microseconds kFlushInterval{1000};
// So much earlier it may be, when something becomes ready: whoever works by the millisecond is then
// not kept waiting for the rest of it, and a timer is spared.
inline constexpr std::chrono::microseconds kFlushSlack{200};
inline constexpr std::chrono::seconds kRoleInterval{1}; // between two looks at the replicas

class Flusher : public std::enable_shared_from_this<Flusher> {
  public:
    static std::shared_ptr<Flusher> make(const boost::asio::any_io_executor& executor,
                                         std::shared_ptr<redis::Connection> commands, Lease& lease);

    void add(OutLane* lane) { lanes_.insert(lane); }
    void remove(OutLane* lane);
    void mark(OutLane* lane); // something is ready; call once until the lane has been flushed
    // Writes one lane now, in front of commands that must come after it.
    void flush_now(OutLane* lane);

    // What was acknowledged before this moment is with every replica. As of the last look, which is
    // renewed behind this call when it is old.
    std::chrono::steady_clock::time_point replicated_before();

    redis::Connection& commands() { return *commands_; }
    bool allowed() const;

  private:
    Flusher(const boost::asio::any_io_executor& executor,
            std::shared_ptr<redis::Connection> commands, Lease& lease);

    void schedule();
    void look_at_replicas(std::chrono::steady_clock::time_point now);
    void flush();

    std::shared_ptr<redis::Connection> commands_;
    Lease& lease_;
    boost::asio::steady_timer timer_;
    std::chrono::steady_clock::time_point last_flush_{};
    ReplicaWatch replicas_;
    std::chrono::steady_clock::time_point looked_at_replicas_{};
    bool role_refused_ = false; // by an access list, or a service that hides it
    std::vector<OutLane*> marked_;
    std::vector<OutLane*> flushing_; // null: removed meanwhile
    std::unordered_set<OutLane*> lanes_;
    bool scheduled_ = false;
};

} // namespace mr
