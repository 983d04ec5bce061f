// The five phases, one file each. Every one starts from TurnRun::state and leaves its result there;
// it announces itself, checkpoints at its end, and is not entered again when it had finished
// (except respond, which goes on behind the delivered text).
#pragma once

#include "worker/pipeline/turn_state.h"

namespace mr {

Task<void> resolve_projects(TurnRun& run);
Task<void> route_question(TurnRun& run);
Task<void> run_tools(TurnRun& run);
Task<void> merge_findings(TurnRun& run);
Task<void> respond(TurnRun& run);

// Which projects are meant, given the directory's candidates: sure ones, several equally good
// ones, or none.
ProjectScope decide_scope(const std::vector<ProjectMatch>& matches);

// The calls of a plan that can be run: known tools, bounded in number, charts last.
inline constexpr std::size_t kMaxToolCalls = 8;
RoutePlan runnable(const RoutePlan& plan);

// What the answer may cite, bounded, in a fixed order.
inline constexpr std::size_t kMaxSources = 8;
std::vector<Source> sources_of(const std::vector<ToolFinding>& findings);

} // namespace mr
