// The worker's lease: one entry per partition, renewed once a second, under an incarnation id that
// is never used twice. Whoever holds it may own sessions. When it lapses, by Redis's word or by
// this process's own clock, everything owned is lost at that instant: the listener drops it, and
// the lease starts over under a new incarnation. Never touches sessions itself.
#pragma once

#include "shared/keys.h"
#include "worker/async.h"
#include "worker/log.h"
#include "worker/redis/connection.h"

#include <functional>
#include <memory>
#include <string>

namespace mr {

inline constexpr std::chrono::milliseconds kLeaseMargin{500}; // own deadline before Redis's

class Lease {
  public:
    using Clock = std::chrono::steady_clock;

    // `name` leads the incarnation id: <name>-<pid>-<random>. The connection should carry nothing
    // else: a renewal must not wait behind the events of a thousand answers.
    Lease(std::shared_ptr<redis::Connection> commands, const PartitionMap& partitions,
          std::string name, std::chrono::milliseconds duration);

    // Runs until give_up(). One call.
    boost::asio::awaitable<void> run(boost::asio::any_io_executor executor);
    // Takes the lease out of Redis, so that peers need not wait for its end. Final.
    boost::asio::awaitable<void> give_up();

    // By this process's clock: true only while no peer can think the lease has lapsed.
    bool valid() const;
    const std::string& worker() const { return worker_; }
    // The last lapse came while Redis could not be reached: what ran then has not caused it.
    bool lapsed_without_fault() const { return lapsed_without_fault_; }
    std::chrono::milliseconds duration() const { return duration_; }

    std::function<void()> on_lapse; // everything owned under worker() is gone
    std::function<void()> on_taken; // a new incarnation holds the lease in all partitions

  private:
    boost::asio::awaitable<bool> renew(bool first);
    void new_incarnation();
    void lapse(std::string_view cause);
    void remove_from_redis();

    std::shared_ptr<redis::Connection> commands_;
    const PartitionMap& partitions_;
    std::string name_;
    std::chrono::milliseconds duration_;
    std::string worker_;
    Clock::time_point deadline_{}; // long past: not held
    std::unique_ptr<Signal> stop_;
    bool held_ = false;
    log::Repeat complaint_;
    bool refused_ = false; // Redis says that the lease has lapsed
    bool given_up_ = false;
    std::shared_ptr<bool> cut_ = std::make_shared<bool>(false); // the connection broke since then
    bool lapsed_without_fault_ = false;
};

} // namespace mr
