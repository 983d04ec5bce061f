// The events of phases, with the texts of the original protocol (docs: the client protocol, "the
// original exchange"), and the translation of a phase's failure into a TurnError.
#pragma once

#include "worker/pipeline/turn_state.h"

#include <string_view>

namespace mr {

struct Phase {
    std::string_view name;
    std::string_view message;
    int index;
};

inline constexpr Phase kPhaseResolve{"project_resolution",
                                     "Identifying projects in your question...", 1};
inline constexpr Phase kPhaseRoute{"routing", "Analyzing your question...", 2};
inline constexpr Phase kPhaseMerge{"merge", "Synthesizing findings...", 3};
inline constexpr Phase kPhaseRespond{"response", "Composing answer...", 4};
inline constexpr int kPhaseCount = 4;

void emit_phase_start(TurnRun& run, const Phase& phase);

// `status`: "ok", "degraded", "skipped". `error` is null or {code, message}.
void emit_phase_complete(TurnRun& run, const Phase& phase, const nlohmann::ordered_json& data,
                         std::string_view status, const nlohmann::ordered_json& error,
                         std::int64_t duration_ms);

// Runs the work of a phase within the limit. A failure becomes a TurnError that says `failing`
// ("The projects could not be identified"); cancellation passes.
Task<void> run_phase_work(TurnRun& run, std::string_view failing, Task<void> work,
                          SteadyTime deadline);

// Rethrows the current exception if it is a cancellation.
void rethrow_cancellation();

} // namespace mr
