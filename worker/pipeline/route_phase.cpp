// Phase 2: which tools can answer it?
#include "worker/pipeline/phase_events.h"
#include "worker/pipeline/phases.h"
#include "worker/tools/tool.h"

#include <algorithm>
#include <utility>

namespace mr {
namespace {

constexpr std::size_t kMaxReasoningBytes = 2'000;

Task<void> find_plan(TurnRun& run, CallContext& call) {
    const RoutePlan plan = co_await run.services.router->route(run.question, run.state.scope, call);
    run.state.plan = runnable(plan);
}

std::string nothing_to_query(const ProjectScope& scope) {
    return "No project is known by the name \"" + scope.unknown.front().name +
           "\", so nothing is queried.";
}

} // namespace

RoutePlan runnable(const RoutePlan& plan) {
    RoutePlan kept;
    for (const bool charts : {false, true}) {
        for (const ToolCall& call : plan.calls) {
            if (find_tool(call.tool) != nullptr && (call.tool == kToolChart) == charts &&
                kept.calls.size() < kMaxToolCalls) {
                kept.calls.push_back(call);
            }
        }
    }
    kept.reasoning = clipped(plan.reasoning, kMaxReasoningBytes);
    return kept;
}

Task<void> route_question(TurnRun& run) {
    const auto started_ms = run.elapsed_ms();
    emit_phase_start(run, kPhaseRoute);
    const bool skipped = run.state.scope.unanswerable();
    CallContext call = run.call(run.services.limits.routing_timeout, kPhaseRoute.name);
    if (skipped) {
        run.state.plan = RoutePlan{};
        run.state.plan.reasoning = nothing_to_query(run.state.scope);
    } else {
        co_await run_phase_work(run, "The question could not be analyzed", find_plan(run, call),
                                call.deadline);
        run.add_usage(call);
    }

    nlohmann::ordered_json data;
    data["tools"] = nlohmann::ordered_json::array();
    for (const ToolCall& one : run.state.plan.calls) {
        if (std::find(data["tools"].begin(), data["tools"].end(), one.tool) ==
            data["tools"].end()) {
            data["tools"].push_back(one.tool);
        }
    }
    data["reasoning"] = run.state.plan.reasoning;
    emit_phase_complete(run, kPhaseRoute, data, skipped ? "skipped" : "ok", nullptr,
                        run.elapsed_ms() - started_ms);
    run.state.stage = Stage::routed;
    co_await run.checkpoint();
}

} // namespace mr
