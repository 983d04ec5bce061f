// Phase 3: the tools, side by side. Charts wait for the rows they draw. A tool that fails or takes
// too long is reported and left out; it never fails the turn.
#include "worker/metrics/meters.h"
#include "worker/pipeline/concurrency.h"
#include "worker/pipeline/phase_events.h"
#include "worker/pipeline/phases.h"
#include "worker/tools/tool.h"

#include <algorithm>
#include <array>
#include <utility>

namespace mr {
namespace {

// One call of the plan with its names on the wire.
struct PlannedCall {
    ToolCall call;
    const Tool* tool = nullptr;
    std::string call_id;   // position in the plan: the same in every attempt
    std::string wire_name; // unique within the turn
};

std::vector<PlannedCall> planned_calls(const RoutePlan& plan) {
    std::vector<PlannedCall> calls;
    for (std::size_t i = 0; i < plan.calls.size(); ++i) {
        PlannedCall planned;
        planned.call = plan.calls[i];
        planned.tool = find_tool(planned.call.tool);
        if (planned.tool == nullptr) {
            continue;
        }
        planned.call_id = "t" + std::to_string(i + 1);
        const auto before =
            std::count_if(calls.begin(), calls.end(),
                          [&](const PlannedCall& other) { return other.tool == planned.tool; });
        planned.wire_name = std::string(planned.tool->wire_name());
        if (before > 0) {
            planned.wire_name += "#" + std::to_string(before + 1);
        }
        calls.push_back(std::move(planned));
    }
    return calls;
}

bool finished(const TurnState& state, const PlannedCall& planned) {
    return std::any_of(
        state.findings.begin(), state.findings.end(),
        [&](const ToolFinding& finding) { return finding.call_id == planned.call_id; });
}

void emit_tool_start(TurnRun& run, const PlannedCall& planned, std::int64_t timeout_ms) {
    nlohmann::ordered_json event;
    event["type"] = "tool_start";
    event["tool"] = planned.wire_name;
    event["message"] = planned.tool->message();
    nlohmann::ordered_json added;
    added["call_id"] = planned.call_id;
    added["name"] = planned.tool->wire_name();
    added["args"] = {{"input", planned.call.input}};
    added["timeout_ms"] = timeout_ms;
    run.host.emit(event, added, Audience::everyone);
}

void emit_tool_complete(TurnRun& run, const PlannedCall& planned, const ToolFinding& finding,
                        int attempts) {
    metrics::meters()
        .tool_duration.at({planned.tool->routed_name(), finding.status})
        .observe(static_cast<double>(finding.duration_ms) / 1000);
    nlohmann::ordered_json event;
    event["type"] = "tool_complete";
    event["tool"] = planned.wire_name;
    event["summary"] =
        finding.ok() ? planned.tool->summary(finding) : "Error: " + finding.error.message;
    nlohmann::ordered_json added;
    added["call_id"] = planned.call_id;
    added["status"] = finding.status;
    added["duration_ms"] = finding.duration_ms;
    added["attempts"] = attempts;
    planned.tool->describe(finding, added);
    if (!finding.ok()) {
        nlohmann::ordered_json error;
        error["code"] = finding.error.code;
        error["message"] = finding.error.message;
        error["retryable"] = finding.error.retryable;
        added["error"] = std::move(error);
    }
    run.host.emit(event, added, Audience::everyone);
}

void emit_chart(TurnRun& run, const Chart& chart) {
    nlohmann::ordered_json event;
    event["type"] = "chart";
    event["chart_id"] = chart.chart_id;
    event["spec"] = chart.spec;
    event["title"] = chart.title;
    event["rows"] = chart.rows;
    run.host.emit(event, nlohmann::ordered_json::object(), Audience::v2_only);
}

void set_failure(ToolFinding& finding, std::string_view status, std::string_view code,
                 std::string_view message, bool retryable) {
    finding.status = status;
    finding.error.code = code;
    finding.error.message = message;
    finding.error.retryable = retryable;
}

// The rows a chart is to draw: the first finished query that has any.
const ToolFinding* rows_to_draw(const TurnState& state) {
    const auto found =
        std::find_if(state.findings.begin(), state.findings.end(), [](const ToolFinding& finding) {
            return finding.tool == kToolSql && finding.ok() && !finding.table.rows.empty();
        });
    return found == state.findings.end() ? nullptr : &*found;
}

// Runs the tool; every failure but a cancellation ends in the finding.
Task<void> fill_finding(TurnRun& run, const PlannedCall& planned, ToolFinding& finding,
                        CallContext& call) {
    const ToolFinding* rows = rows_to_draw(run.state);
    ToolFinding drawn; // findings may move while this one runs
    ToolRun tool_run{run.question, run.state.scope, run.services, nullptr};
    if (planned.call.tool == kToolChart && rows != nullptr) {
        drawn = *rows;
        tool_run.rows = &drawn;
    }
    if (planned.call.tool == kToolChart && rows == nullptr && !run.services.semantic_model) {
        set_failure(finding, "skipped", "no_rows", "there are no rows to draw", false);
        co_return;
    }
    try {
        co_await run_until(planned.tool->run(tool_run, finding, call), call.deadline);
        finding.status = "ok";
    } catch (const ProviderError& error) {
        const bool late = error.fault() == ProviderFault::timeout;
        const bool skipped = finding.status == "skipped"; // the tool's own word
        set_failure(finding,
                    late      ? "timeout"
                    : skipped ? "skipped"
                              : "error",
                    provider_fault_name(error.fault()), error.what(), error.retryable());
    } catch (const std::exception& error) {
        rethrow_cancellation();
        run.diagnose(planned.tool->routed_name(), error.what());
        set_failure(finding, "error", "internal", "the tool failed", false);
    }
}

Task<void> run_call(TurnRun& run, const PlannedCall& planned) {
    const auto limit = planned.tool->timeout(run.services.limits);
    const auto started_ms = run.elapsed_ms();
    CallContext call = run.call(limit, planned.call_id);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        call.deadline - std::chrono::steady_clock::now());
    emit_tool_start(run, planned, std::max<std::int64_t>(left.count(), 0));
    ToolFinding finding;
    finding.call_id = planned.call_id;
    finding.tool = planned.call.tool;
    finding.input = planned.call.input;
    try {
        co_await fill_finding(run, planned, finding, call);
    } catch (...) { // every tool_start has its tool_complete, also when the turn is cancelled
        finding.duration_ms = run.elapsed_ms() - started_ms;
        set_failure(finding, "cancelled", "cancelled", "cancelled", false);
        emit_tool_complete(run, planned, finding, call.attempts);
        throw;
    }
    finding.duration_ms = run.elapsed_ms() - started_ms;
    run.state.tool_ms[planned.wire_name] = finding.duration_ms;
    emit_tool_complete(run, planned, finding, call.attempts);
    if (finding.ok() && planned.call.tool == kToolChart) {
        emit_chart(run, finding.chart);
    }
    run.add_usage(call);
    run.state.findings.push_back(std::move(finding));
    co_await run.checkpoint();
}

Task<void> run_calls(TurnRun& run, const std::vector<const PlannedCall*>& calls) {
    std::vector<Task<void>> works;
    for (const PlannedCall* planned : calls) {
        works.push_back(run_call(run, *planned));
    }
    co_await run_all(std::move(works));
}

// Queries, then the charts that draw their rows.
Task<void> run_queries_and_charts(TurnRun& run, const std::vector<const PlannedCall*>& queries,
                                  const std::vector<const PlannedCall*>& charts) {
    co_await run_calls(run, queries);
    for (const PlannedCall* chart : charts) {
        co_await run_call(run, *chart);
    }
}

} // namespace

Task<void> run_tools(TurnRun& run) {
    const std::vector<PlannedCall> planned = planned_calls(run.state.plan);
    std::vector<const PlannedCall*> queries;
    std::vector<const PlannedCall*> charts;
    std::vector<Task<void>> works;
    for (const PlannedCall& one : planned) {
        if (finished(run.state, one)) {
            continue;
        }
        if (one.call.tool == kToolSql) {
            queries.push_back(&one);
        } else if (one.call.tool == kToolChart) {
            charts.push_back(&one);
        }
    }
    // In the order of the plan; the queries' branch stands where the first query does.
    bool branch_made = false;
    for (const PlannedCall& one : planned) {
        const bool branch = one.call.tool == kToolSql || one.call.tool == kToolChart;
        if (finished(run.state, one) || (branch && branch_made)) {
            continue;
        }
        if (branch) {
            works.push_back(run_queries_and_charts(run, queries, charts));
            branch_made = true;
        } else {
            works.push_back(run_call(run, one));
        }
    }
    co_await run_all(std::move(works));
    // Findings in the order of the plan, whatever finished first: the rest of the turn must not
    // depend on the tools' speed.
    std::sort(run.state.findings.begin(), run.state.findings.end(),
              [](const ToolFinding& a, const ToolFinding& b) {
                  return std::make_pair(a.call_id.size(), a.call_id) <
                         std::make_pair(b.call_id.size(), b.call_id);
              });
    // No checkpoint: each call has seen to that of its finding, and a turn that is picked up there
    // finds nothing left to run.
    run.state.stage = Stage::tools_done;
}

} // namespace mr
