#include "bench/tool/growth.h"

#include "bench/tool/legs.h"

#include <stdexcept>

namespace mr::bench {
namespace {

class Growth {
  public:
    Growth(const Common& common, const GrowthOptions& options)
        : common_(common), options_(options), legs_(result_, common.quiet) {}

    Result result();

  private:
    void leg(uint64_t sessions);
    void note();

    const Common& common_;
    const GrowthOptions& options_;
    Result result_;
    Legs legs_;
};

void Growth::leg(uint64_t sessions) {
    Common common = common_;
    common.quiet = true;
    RelayOptions relay;
    relay.sessions = sessions;
    relay.rate = options_.total_rate / sessions;
    relay.bytes = options_.bytes;
    relay.stop_answers = true;
    const Result one = run_relay(common, relay);
    const std::string kind = std::to_string(sessions);
    result_.times["latency_of_" + kind].add(one.times.at("latency"));
    legs_.add(kind, one);
}

void Growth::note() {
    const std::string first = std::to_string(options_.sessions.front());
    for (const uint64_t sessions : options_.sessions) {
        const std::string kind = std::to_string(sessions);
        for (const char* figure :
             {"latency_p50_ms", "latency_p99_ms", "total_us_per_event", "nginx_us_per_event",
              "redis_us_per_event", "worker_us_per_event", "events_per_frame", "generator_core"}) {
            result_.rates[kind + "_" + figure] = legs_.median_of(kind, figure);
        }
        if (kind == first) {
            continue;
        }
        for (const char* figure : {"latency_p50_ms", "latency_p99_ms", "total_us_per_event"}) {
            result_.rates[kind + "_by_" + first + "_" + figure] =
                legs_.ratio_of(first, kind, figure);
        }
    }
}

Result Growth::result() {
    for (uint64_t i = 0; i < options_.rounds; ++i) {
        for (const uint64_t sessions : options_.sessions) {
            leg(sessions);
        }
        for (size_t at = options_.sessions.size(); at-- > 0;) {
            leg(options_.sessions[at]);
        }
    }
    note();
    result_.scenario = "growth";
    result_.config = {{"url", common_.url},
                      {"total_rate", options_.total_rate},
                      {"sessions", options_.sessions},
                      {"bytes", options_.bytes},
                      {"rounds", options_.rounds},
                      {"warmup_s", common_.warmup_s},
                      {"seconds", common_.seconds}};
    legs_.note_invalid();
    return result_;
}

} // namespace

Result run_growth(const Common& common, const GrowthOptions& options) {
    for (const uint64_t sessions : options.sessions) {
        if (sessions == 0 || options.total_rate % sessions != 0) {
            throw std::runtime_error("--total-rate " + std::to_string(options.total_rate) +
                                     " over " + std::to_string(sessions) +
                                     " sessions is no whole number of events a second of each");
        }
    }
    return Growth(common, options).result();
}

} // namespace mr::bench
