// The load of `relay` on other servers (bench/peers): each connection asks once for so many events
// of such a size at such a rate, each stamped with the moment at which it was due.
#pragma once

#include "bench/load/peer_dialect.h"
#include "bench/tool/common.h"

namespace mr::bench {

struct PeerOptions {
    uint64_t sessions = 200;
    uint64_t rate = 50;  // events a second and session
    uint64_t bytes = 80; // of an event's text
    std::string dialect = "plain";
    double least_delivered = 0.99; // of what was due in the measured time
};

// "{session}" in the target's path is the name of the connection's session. Throws
// std::runtime_error.
Result run_peer(const Common& common, const PeerOptions& options);

} // namespace mr::bench
