#include "worker/metrics/meters.h"

namespace mr::metrics {
namespace {

// Upper bounds in seconds. A turn takes up to its budget, a minute or two; a request to a provider
// from a few milliseconds to its timeout; the loop should never be late.
constexpr double kWorkBounds[] = {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120};
constexpr double kRequestBounds[] = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
constexpr double kWaitBounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
constexpr double kLagBounds[] = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5};

Label provider() {
    return {"provider", {}};
}
Label model() {
    return {"model", {}};
}

Meters& first_set() {
    static Meters set;
    return set;
}

Meters*& in_force() {
    static Meters* set = &first_set();
    return set;
}

} // namespace

Meters::Meters()
    : build_info(registry, {"mr_worker_build_info",
                            "Always 1; what this worker is, and of which schema its data",
                            {{"version", {}}, {"schema", {}}}}),
      ready(registry,
            {"mr_worker_ready", "1 while this worker can do its work, as its ready file says", {}}),
      sessions(registry, {"mr_worker_sessions", "Sessions this worker has in hand", {}}),
      session_slots(
          registry,
          {"mr_worker_session_slots", "Sessions it would have in hand at most (max_sessions)", {}}),
      turns_running(registry, {"mr_worker_turns_running", "Questions being answered", {}}),
      turns(registry, {"mr_worker_turns_total",
                       "Turns that have ended here",
                       {{"outcome", {"ok", "partial", "error", "cancelled"}}}}),
      turn_duration(registry,
                    {"mr_worker_turn_duration_seconds",
                     "From the moment a question was taken up to its terminal event",
                     {{"outcome", {"ok", "partial", "error", "cancelled"}}}},
                    kWorkBounds),
      turn_wait(registry,
                {"mr_worker_turn_wait_seconds",
                 "From the arrival of a question in Redis to the moment it was taken up",
                 {}},
                kWaitBounds),
      turns_taken_over(registry, {"mr_worker_turns_taken_over_total",
                                  "Turns of another worker that were gone on with here",
                                  {}}),
      phase_duration(
          registry,
          {"mr_worker_phase_duration_seconds",
           "Phases of turns",
           {{"phase", {"project_resolution", "routing", "tools", "merge", "response"}},
            {"outcome", {"ok", "degraded", "skipped", "partial", "error", "cancelled"}}}},
          kWorkBounds),
      tool_duration(registry,
                    {"mr_worker_tool_duration_seconds",
                     "Calls of tools, retries and waiting included",
                     {{"tool", {"claude_sql", "vertex_search", "hubspot", "powerbi"}},
                      {"outcome", {"ok", "error", "timeout", "skipped", "cancelled"}}}},
                    kWorkBounds),
      request_duration(registry,
                       {"mr_worker_provider_request_duration_seconds",
                        "Requests to external providers, each try by itself, to the end of the "
                        "reply; outcome: ok, the fault, or cancelled",
                        {provider(), {"operation", {}}, {"outcome", {}}}},
                       kRequestBounds),
      first_token(registry,
                  {"mr_worker_provider_first_token_seconds",
                   "From a streamed request to the first text of its reply",
                   {provider(), model()}},
                  kRequestBounds),
      tokens(registry,
             {"mr_worker_tokens_total",
              "Tokens as the providers count them, those of failed tries included; cached is a "
              "part of input",
              {provider(), model(), {"kind", {"input", "output", "cached"}}}}),
      retries(registry, {"mr_worker_provider_retries_total",
                         "Further tries of a request, by the fault of the one before",
                         {provider(), {"reason", {}}}}),
      failovers(registry, {"mr_worker_failovers_total",
                           "Tasks that the next provider was asked for, because one had failed",
                           {{"task", {}}, provider(), {"next", {}}}}),
      rate_wait(registry,
                {"mr_worker_rate_limit_wait_seconds",
                 "What calls waited for the limit of their account",
                 {provider()}},
                kWaitBounds),
      rate_refused(registry, {"mr_worker_rate_limit_refused_total",
                              "Calls that were not made: their turn would have come too late",
                              {provider()}}),
      rates_shared(registry, {"mr_worker_rate_limits_shared",
                              "1 while limits of accounts are kept with all workers, through "
                              "Redis; 0 while by this worker alone",
                              {}}),
      claims(registry, {"mr_worker_claims_total",
                        "Doorbells answered, by what came of the claim",
                        {{"outcome", {"claimed", "poisoned", "done", "busy", "no_lease"}}}}),
      doorbells_taken_over(
          registry,
          {"mr_worker_doorbells_taken_over_total", "Doorbells of workers that were lost", {}}),
      doorbells_waiting(registry, {"mr_worker_doorbells_waiting",
                                   "Doorbells in Redis that no worker has taken, of the whole "
                                   "deployment",
                                   {}}),
      doorbells_oldest(registry,
                       {"mr_worker_doorbell_oldest_seconds", "Age of the oldest of them", {}}),
      lease_lapses(registry, {"mr_worker_lease_lapses_total",
                              "Leases that were lost, and with them all sessions in hand",
                              {}}),
      redis_up(registry, {"mr_worker_redis_links_up",
                          "1 for each link to Redis that is ready",
                          {{"link", {"commands", "jobs", "control", "subscriptions"}}}}),
      loop_lag(registry,
               {"mr_worker_loop_lag_seconds",
                "How late the event loop ran, looked at four times a second",
                {}},
               kLagBounds),
      voice(registry),
      cpu_seconds(registry, {"process_cpu_seconds_total", "CPU time, user and system", {}},
                  Kind::counter),
      resident_bytes(registry, {"process_resident_memory_bytes", "Memory in RAM", {}}),
      open_files(registry, {"process_open_fds", "Open file descriptors", {}}),
      max_files(registry, {"process_max_fds", "Most of them there may be", {}}),
      start_time(registry, {"process_start_time_seconds", "Unix time of the process's start", {}}) {
}

Meters& meters() noexcept {
    return *in_force();
}

OwnMeters::OwnMeters() : before_(in_force()) {
    in_force() = &own_;
}

OwnMeters::~OwnMeters() {
    in_force() = before_;
}

RequestWatch::~RequestWatch() {
    meters()
        .request_duration.at({provider_, operation_, outcome_})
        .observe(seconds_since(started_));
}

} // namespace mr::metrics
