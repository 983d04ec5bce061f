// How many doorbells wait in Redis without a worker, and for how long: what tells a deployment that
// it needs more workers. Looks at all partitions every two seconds, with reads alone (two for each,
// one more for those where something waits). For the metrics; nothing else depends on it.
#pragma once

#include "worker/session/relay.h"

#include <chrono>
#include <memory>

namespace mr {

inline constexpr std::chrono::seconds kQueueLook{2};

class QueueWatch : public std::enable_shared_from_this<QueueWatch> {
  public:
    static std::shared_ptr<QueueWatch> make(Relay& relay);

    void start();
    void stop(); // final

  private:
    explicit QueueWatch(Relay& relay) : relay_(relay), pause_(relay.executor) {}

    boost::asio::awaitable<void> run();
    boost::asio::awaitable<void> look();

    Relay& relay_;
    Signal pause_;
    bool stopped_ = false;
};

} // namespace mr
