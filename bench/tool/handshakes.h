// Connections opened until the greeting and closed again: how many a second. Beside them, in turn,
// plain requests without keep-alive: what nginx itself does with the same TLS.
#pragma once

#include "bench/tool/common.h"

namespace mr::bench {

struct HandshakeOptions {
    uint64_t at_once = 32; // connections being opened at any time
    std::string beside;    // https://host/path of the same server; empty: handshakes alone
    uint64_t rounds = 1;   // of handshakes, requests, requests, handshakes
};

// Throws std::runtime_error.
Result run_handshakes(const Common& common, const HandshakeOptions& options);

} // namespace mr::bench
