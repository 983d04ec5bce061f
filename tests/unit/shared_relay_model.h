// An executable model of the relay protocol: workers, a gateway and a killer against a real Redis,
// built from the product's own scripts, envelope and delivery rule, with nothing of its I/O. Owns
// the scenario and the verdict; knows no nginx and no Asio.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mr::test {

struct ModelOptions {
    std::string socket_path;
    uint32_t seed = 1;
    int sessions = 32;
    int turns = 5;
    int workers = 4;
    int lease_ms = 250;
    int deadline_s = 60;
    bool faults = true;          // crashes, freezes beyond the lease, cut connections
    bool delivery_filter = true; // false: the gateway shows whatever is published
};

struct ModelReport {
    std::vector<std::string> violations;
    int crashes = 0;
    int freezes = 0;
    int cuts = 0;
    int fenced = 0;
    int takeovers = 0;
    int subscriber_kills = 0;
    int dropped = 0;
    int log_reads = 0;
    uint64_t delivered = 0;
};

ModelReport run_relay_model(const ModelOptions& options);

} // namespace mr::test
