// What the relay itself adds: sessions of the app `bench`, whose worker sends events of a stated
// size at a stated rate and stamps each with the moment at which it was due. Worker and generator
// need the same clock: the same machine.
#pragma once

#include "bench/tool/common.h"

namespace mr::bench {

struct RelayOptions {
    uint64_t sessions = 200;
    uint64_t rate = 50;            // events a second and session; 0: as fast as they are taken
    uint64_t bytes = 80;           // of an event's text
    uint64_t chunks = 2000;        // flat out: of an answer, then the next is asked for
    uint64_t tools = 0;            // that an answer asks
    double least_delivered = 0.99; // of what was due in the measured time
    bool stop_answers = false;     // at the end, so that they do not run on into what comes next
    uint64_t idle = 0;   // connections that do nothing, beside which it runs again; 0: alone only
    uint64_t rounds = 1; // idle: of alone, beside, beside, alone
};

Result run_relay(const Common& common, const RelayOptions& options);

} // namespace mr::bench
