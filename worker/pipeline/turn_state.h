// A turn in flight: what the phases have found so far (checkpointed), and what belongs to this
// attempt only. Holds and converts; decides and emits nothing.
#pragma once

#include "worker/pipeline/turn.h"

#include <map>
#include <optional>

namespace mr {

// Phases in order. `tools` has no phase events of its own on the wire.
enum class Stage : unsigned char { start, resolved, routed, tools_done, merged };

inline constexpr int kStateVersion = 1;

struct TurnState {
    Stage stage = Stage::start;
    ProjectScope scope;
    RoutePlan plan;
    std::vector<ToolFinding> findings; // finished calls, in the order they finished
    MergedFindings merged;
    std::map<std::string, std::int64_t> phase_ms;
    std::map<std::string, std::int64_t> tool_ms; // by the name on the wire
    std::vector<Usage> usage;
};

// The text of a turn's state. What its phases and tools have found does not change any more, and is
// formatted once.
class StateText {
  public:
    std::string of(const TurnState& state);

  private:
    std::string scope_;
    std::string plan_;
    std::string merged_;
    std::map<std::string, std::string> findings_; // by call_id
};

// A state of another version, or a damaged one, starts the turn anew.
TurnState state_from_json(const nlohmann::json& json);

struct TurnRun {
    TurnRequest request; // but for what is in `question` and `state`
    Services& services;
    TurnHost& host;
    Question question;
    TurnState state;
    StateText state_text;
    std::vector<Source> sources;
    size_t answer_bytes = 0; // so far, with what an earlier owner delivered; the host has the text
    TurnStatus status = TurnStatus::ok;
    SteadyTime started;
    std::optional<std::int64_t> first_token_ms;
    bool saving = false; // a checkpoint is being written
    bool dirty = false;  // and must be written again

    TurnRun(TurnRequest turn_request, Services& turn_services, TurnHost& turn_host);

    std::int64_t elapsed_ms() const;
    SteadyTime deadline_in(std::chrono::milliseconds limit) const; // within the turn's budget
    bool out_of_budget() const;
    // For the call that begins now. `step` is unique within the turn and the same in every attempt.
    // Throws what TurnHost::check_owned throws.
    CallContext call(std::chrono::milliseconds limit, std::string_view step) const;
    // Records and announces what a call used.
    void add_usage(const CallContext& call);
    void diagnose(std::string_view doing, std::string_view detail) const;
    // Returns when a state at least as new as the present one is durable, or is being made so by
    // another branch of this turn, which the turn waits for anyway.
    Task<void> checkpoint();
};

// The newest memory in the history; null when there is none.
const nlohmann::json& latest_memory(const std::vector<HistoryMessage>& history);

TurnResult result_of(TurnRun& run);

} // namespace mr
