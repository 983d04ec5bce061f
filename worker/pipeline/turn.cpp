#include "worker/pipeline/turn.h"

#include "worker/metrics/meters.h"
#include "worker/pipeline/phase_events.h"
#include "worker/pipeline/phases.h"

#include <utility>

namespace mr {
namespace {

constexpr std::string_view kToolsName = "tools"; // no phase on the wire

// Counts a phase that does not come to its own end; one that does says so itself.
Task<void> watched(std::string_view phase, Task<void> work) {
    const auto started = std::chrono::steady_clock::now();
    try {
        co_await std::move(work);
    } catch (const TurnError&) {
        metrics::phase_ended(phase, "error", metrics::seconds_since(started));
        throw;
    } catch (...) { // cancelled, or the session is another worker's by now
        metrics::phase_ended(phase, "cancelled", metrics::seconds_since(started));
        throw;
    }
    if (phase == kToolsName) {
        metrics::phase_ended(phase, "ok", metrics::seconds_since(started));
    }
}

} // namespace

std::string_view turn_status_name(TurnStatus status) noexcept {
    switch (status) {
    case TurnStatus::ok:
        return "ok";
    case TurnStatus::partial:
        return "partial";
    case TurnStatus::error:
        break;
    }
    return "error";
}

Task<TurnResult> run_turn(TurnRequest request, Services& services, TurnHost& host) {
    TurnRun run(std::move(request), services, host);
    if (run.state.stage < Stage::resolved) {
        co_await watched(kPhaseResolve.name, resolve_projects(run));
    }
    if (run.state.stage < Stage::routed) {
        co_await watched(kPhaseRoute.name, route_question(run));
    }
    if (run.state.stage < Stage::tools_done) {
        co_await watched(kToolsName, run_tools(run));
    }
    run.sources = sources_of(run.state.findings);
    if (run.state.stage < Stage::merged) {
        co_await watched(kPhaseMerge.name, merge_findings(run));
    }
    co_await watched(kPhaseRespond.name, respond(run));
    co_return result_of(run);
}

} // namespace mr
