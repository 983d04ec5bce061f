// What the worker counts: one table of all its metrics (docs/metrics.md has the same, and a test
// compares them), and short ways to count from where things happen.
//
// There is one set per process, as there is one log: it is written from everywhere and read by
// nobody but the page, so handing it through every constructor would only make noise. Tests that
// want a set of their own put one in place for as long as they need it (OwnMeters).
#pragma once

#include "worker/metrics/registry.h"
#include "worker/metrics/voice_meters.h"

#include <chrono>
#include <string_view>

namespace mr::metrics {

struct Meters {
    Meters();

    Registry registry;

    GaugeFamily build_info;
    GaugeFamily ready;
    GaugeFamily sessions;
    GaugeFamily session_slots;
    GaugeFamily turns_running;
    CounterFamily turns;
    HistogramFamily turn_duration;
    HistogramFamily turn_wait;
    CounterFamily turns_taken_over;
    HistogramFamily phase_duration;
    HistogramFamily tool_duration;
    HistogramFamily request_duration;
    HistogramFamily first_token;
    CounterFamily tokens;
    CounterFamily retries;
    CounterFamily failovers;
    HistogramFamily rate_wait;
    CounterFamily rate_refused;
    GaugeFamily rates_shared;
    CounterFamily claims;
    CounterFamily doorbells_taken_over;
    GaugeFamily doorbells_waiting;
    GaugeFamily doorbells_oldest;
    CounterFamily lease_lapses;
    GaugeFamily redis_up;
    HistogramFamily loop_lag;
    VoiceMeters voice;
    GaugeFamily cpu_seconds;
    GaugeFamily resident_bytes;
    GaugeFamily open_files;
    GaugeFamily max_files;
    GaugeFamily start_time;
};

// The set in force.
Meters& meters() noexcept;

// A set of its own from here to the end of the scope.
class OwnMeters {
  public:
    OwnMeters();
    OwnMeters(const OwnMeters&) = delete;
    OwnMeters& operator=(const OwnMeters&) = delete;
    ~OwnMeters();
    Meters& operator*() noexcept { return own_; }
    Meters* operator->() noexcept { return &own_; }

  private:
    Meters own_;
    Meters* before_;
};

inline double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// One request to a provider, from here to the end of the scope. Both names outlive it.
class RequestWatch {
  public:
    RequestWatch(std::string_view provider, std::string_view operation)
        : provider_(provider), operation_(operation) {}
    RequestWatch(const RequestWatch&) = delete;
    RequestWatch& operator=(const RequestWatch&) = delete;
    ~RequestWatch();
    // "ok", or the name of a fault; "cancelled" when nobody says.
    void ended(std::string_view outcome) noexcept { outcome_ = outcome; }
    std::chrono::steady_clock::time_point started() const noexcept { return started_; }

  private:
    std::string_view provider_;
    std::string_view operation_;
    std::string_view outcome_ = "cancelled";
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

// A turn that runs, from here to the end of the scope.
class RunningTurn {
  public:
    RunningTurn() { meters().turns_running.at({}).add(1); }
    RunningTurn(const RunningTurn&) = delete;
    RunningTurn& operator=(const RunningTurn&) = delete;
    ~RunningTurn() { meters().turns_running.at({}).add(-1); }
};

inline void phase_ended(std::string_view phase, std::string_view outcome, double seconds) {
    meters().phase_duration.at({phase, outcome}).observe(seconds);
}

} // namespace mr::metrics
