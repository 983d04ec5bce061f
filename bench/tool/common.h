// What all scenarios share: where the load goes, who is watched, how long, and what is written.
#pragma once

#include "bench/load/client.h"
#include "bench/load/processes.h"
#include "bench/load/result.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mr::bench {

struct Common {
    std::string url = "wss://localhost:8443/ws/chat";
    std::string ca_file;
    std::string instance;             // run/<port> of ./mr: whose processes are watched
    std::vector<std::string> watched; // role=pid
    std::string server_cpus;          // where they are held to; the generator has the others
    double warmup_s = 2;
    double seconds = 10;    // measured
    double open_rate = 500; // connections begun a second
    uint64_t seed = 1;
    std::string out;    // folder of the result; empty: none
    bool json = false;  // the result as JSON on standard output
    bool quiet = false; // no progress line
    bool no_tickets = false;
    bool memory = false;          // into the series as well, and its growth is judged
    double most_growth_kib = 512; // of a role's resident memory, a minute, in the second half
};

// The thread's loop, the target and TLS, as the options say.
class Rig {
  public:
    explicit Rig(const Common& common); // throws std::runtime_error

    Loop loop;
    Target target;
    uint64_t full_handshakes = 0;
    uint64_t resumed_handshakes = 0;
    std::unique_ptr<TlsContext> tls;
    Clients clients;
};

// Watches processes and the generator itself from begin() to end(), writes the progress line.
class Meter {
  public:
    Meter(const Common& common, Loop& loop);

    // `line`: what is going on, once a second until end(); `point`: the same for the series.
    void progress(std::function<std::string()> line, std::function<Json()> point = {});
    void begin();
    // CPU of each role per `events` into result.rates ("nginx_us_per_<event>"), shares of a core,
    // and whether the generator was the bottleneck.
    void end(Result& result, double events, const std::string& event);
    // How late it did what it had planned: judged in end().
    Histogram lag_us;

  private:
    void second();
    void judge_growth(Result& result) const;
    void judge_generator(Result& result, double own_core) const;

    const Common& common_;
    Loop& loop_;
    Processes processes_;
    std::function<std::string()> line_;
    std::function<Json()> point_;
    Json series_ = Json::array();
    std::map<std::string, Usage> before_;
    Usage own_before_;
    int64_t begun_ = 0;
    bool running_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

Processes watched_processes(const Common& common);
// As --server-cpu says: those of the watched processes, the rest for this one. Without it nothing.
// Throws std::runtime_error.
void part_processors(const Common& common);
bool raise_descriptors(uint64_t wanted); // false: the limit is lower
inline int64_t ns_of(double seconds) {
    return static_cast<int64_t>(seconds * 1e9);
}

} // namespace mr::bench
