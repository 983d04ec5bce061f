// Raises the load until the promise is broken, then looks for the knee between the last load that
// held and the first that did not.
#pragma once

#include "bench/tool/chat.h"
#include "bench/tool/relay.h"

namespace mr::bench {

struct SweepOptions {
    bool relay = true;  // events of the app bench, otherwise questions a second
    uint64_t from = 10; // events a second and session, or questions a second
    uint64_t most = 100'000;
    double p99_ms = 50;    // relay: of an event's latency
    double goodput = 0.99; // chat: share of the turns within --slo
    unsigned halvings = 4; // of the interval in which the knee lies
    RelayOptions relay_options;
    ChatOptions chat_options;
};

Result run_sweep(const Common& common, const SweepOptions& options);

} // namespace mr::bench
