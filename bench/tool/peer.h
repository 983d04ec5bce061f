// The load of `relay` on other servers (bench/peers): each connection asks once for so many events
// of such a size at such a rate, each stamped with the moment at which it was due. Flat out it asks
// for an answer of so many events, and for the next when it has the last of them: however fast
// either side is, no more than an answer of each connection is under way.
#pragma once

#include "bench/load/peer_dialect.h"
#include "bench/tool/common.h"

namespace mr::bench {

struct PeerOptions {
    uint64_t sessions = 200;
    uint64_t rate = 50;    // events a second and session; 0: flat out
    uint64_t bytes = 80;   // of an event's text
    uint64_t answer = 211; // events, flat out: 10 of phases and tools, 200 of text, the completion
    std::string dialect = "plain";
    bool idle = false;             // nothing is asked for: what a connection costs
    double least_delivered = 0.99; // of what was due in the measured time
};

// "{session}" in the target's path is the name of the connection's session. Throws
// std::runtime_error.
Result run_peer(const Common& common, const PeerOptions& options);

} // namespace mr::bench
