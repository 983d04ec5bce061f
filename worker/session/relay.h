// What every session of this worker shares: the connections, the lease, the limits. One per
// process (or per incarnation in tests); outlives all sessions.
#pragma once

#include "shared/keys.h"
#include "worker/delay_line.h"
#include "worker/redis/connection.h"
#include "worker/redis/subscriber.h"
#include "worker/session/flusher.h"
#include "worker/session/lease.h"
#include "worker/session/limits.h"

namespace mr {

struct Relay {
    boost::asio::any_io_executor executor;
    std::shared_ptr<redis::Connection> commands;
    std::shared_ptr<redis::Subscriber> subscriptions;
    const PartitionMap& partitions;
    Lease& lease;
    std::shared_ptr<Flusher> flusher;
    SessionLimits limits;
    std::shared_ptr<DelayLine> text_windows; // of limits.text_window
};

// An entry of a job stream: a session has mail and no owner.
struct Doorbell {
    std::string entry_id;
    std::string session_id;
    std::string app;
    std::string traceparent;
    int64_t rung_at_ms = 0; // by Redis's clock
    uint32_t partition = 0;
};

} // namespace mr
