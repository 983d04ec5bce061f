#include "worker/pipeline/turn.h"

#include "worker/pipeline/phases.h"

#include <utility>

namespace mr {

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
        co_await resolve_projects(run);
    }
    if (run.state.stage < Stage::routed) {
        co_await route_question(run);
    }
    if (run.state.stage < Stage::tools_done) {
        co_await run_tools(run);
    }
    run.sources = sources_of(run.state.findings);
    if (run.state.stage < Stage::merged) {
        co_await merge_findings(run);
    }
    co_await respond(run);
    co_return result_of(run);
}

} // namespace mr
