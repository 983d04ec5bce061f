#include "worker/pipeline/turn_state.h"

#include "worker/json_text.h"

#include <algorithm>
#include <utility>

namespace mr {
namespace {

std::int64_t milliseconds_since(SteadyTime start) {
    const auto passed = std::chrono::steady_clock::now() - start;
    return std::chrono::duration_cast<std::chrono::milliseconds>(passed).count();
}

nlohmann::ordered_json usage_sum(const std::vector<Usage>& usage) {
    if (usage.empty()) {
        return nullptr;
    }
    std::int64_t input = 0;
    std::int64_t output = 0;
    std::int64_t cached = 0;
    for (const Usage& one : usage) {
        input += one.input_tokens;
        output += one.output_tokens;
        cached += one.cached_tokens;
    }
    nlohmann::ordered_json sum;
    sum["input_tokens"] = input;
    sum["output_tokens"] = output;
    sum["cached_tokens"] = cached;
    return sum;
}

void append_times(std::string& text, const std::map<std::string, std::int64_t>& times) {
    JsonObject json(text);
    for (const auto& [name, milliseconds] : times) {
        json.number(name, milliseconds);
    }
    json.close();
}

// A turn that used no tool leaves the memory of the one before in force, so that "thanks" does not
// end the thread of a conversation.
nlohmann::json memory_of(const TurnRun& run) {
    if (run.state.findings.empty()) {
        return latest_memory(run.question.history);
    }
    nlohmann::json memory = {{"v", 1}, {"projects", run.state.scope.projects}};
    memory["tools"] = nlohmann::json::array();
    for (const ToolFinding& finding : run.state.findings) {
        memory["tools"].push_back(finding.tool);
        if (finding.tool == kToolSql && !finding.query.meaning.is_null()) {
            memory["query"] = finding.query.meaning;
        } else if (finding.tool == kToolDocuments) {
            memory["documents"] = finding.documents.query;
        } else if (finding.tool == kToolCrm) {
            memory["crm"] = finding.crm.query;
        }
    }
    if (memory.dump().size() > kMaxMemoryBytes) {
        memory.erase("query");
    }
    if (memory.dump().size() > kMaxMemoryBytes) {
        return nullptr;
    }
    return memory;
}

} // namespace

std::string StateText::of(const TurnState& state) {
    if (scope_.empty() && state.stage >= Stage::resolved) {
        scope_ = to_text(state.scope);
    }
    if (plan_.empty() && state.stage >= Stage::routed) {
        plan_ = to_text(state.plan);
    }
    if (merged_.empty() && state.stage >= Stage::merged) {
        merged_ = to_text(state.merged);
    }
    std::string text;
    JsonObject json(text);
    json.number("v", kStateVersion);
    json.number("stage", static_cast<int>(state.stage));
    json.json("scope", scope_.empty() ? to_text(state.scope) : scope_);
    json.json("plan", plan_.empty() ? to_text(state.plan) : plan_);
    json.name("findings");
    text += '[';
    for (const ToolFinding& finding : state.findings) {
        std::string& known = findings_[finding.call_id];
        if (known.empty()) {
            known = to_text(finding);
        }
        text += text.back() == '[' ? "" : ",";
        text += known;
    }
    text += ']';
    json.json("merged", merged_.empty() ? to_text(state.merged) : merged_);
    json.name("phase_ms");
    append_times(text, state.phase_ms);
    json.name("tool_ms");
    append_times(text, state.tool_ms);
    json.json("usage", state.usage.empty() ? "[]" : to_text(state.usage));
    json.close();
    if (state.stage == Stage::merged) {
        findings_.clear(); // the last one
    }
    return text;
}

TurnState state_from_json(const nlohmann::json& json) {
    TurnState state;
    if (!json.is_object() || json.value("v", 0) != kStateVersion) {
        return state;
    }
    try {
        const int stage = json.at("stage").get<int>();
        if (stage < static_cast<int>(Stage::start) || stage > static_cast<int>(Stage::merged)) {
            return {};
        }
        state.stage = static_cast<Stage>(stage);
        json.at("scope").get_to(state.scope);
        json.at("plan").get_to(state.plan);
        json.at("findings").get_to(state.findings);
        json.at("merged").get_to(state.merged);
        json.at("phase_ms").get_to(state.phase_ms);
        json.at("tool_ms").get_to(state.tool_ms);
        json.at("usage").get_to(state.usage);
    } catch (const nlohmann::json::exception&) {
        return {};
    }
    return state;
}

TurnRun::TurnRun(TurnRequest turn_request, Services& turn_services, TurnHost& turn_host)
    : request(std::move(turn_request)), services(turn_services), host(turn_host),
      state(state_from_json(request.resume_state)), started(std::chrono::steady_clock::now()) {
    question.text = std::exchange(request.message, {});
    question.history = std::exchange(request.history, {});
    question.context = std::exchange(request.context, nullptr);
    request.resume_state = nullptr;
}

std::int64_t TurnRun::elapsed_ms() const {
    return milliseconds_since(started);
}

SteadyTime TurnRun::deadline_in(std::chrono::milliseconds limit) const {
    return std::min(request.deadline, std::chrono::steady_clock::now() + limit);
}

bool TurnRun::out_of_budget() const {
    return std::chrono::steady_clock::now() >= request.deadline;
}

CallContext TurnRun::call(std::chrono::milliseconds limit, std::string_view step) const {
    host.check_owned();
    CallContext context;
    context.deadline = deadline_in(limit);
    context.traceparent = request.traceparent;
    context.owned = [&from = host] { return from.owned(); };
    context.step = request.turn_id + "/" + std::string(step);
    return context;
}

void TurnRun::add_usage(const CallContext& call) {
    for (const Usage& one : call.usage) {
        state.usage.push_back(one);
        nlohmann::ordered_json event;
        event["type"] = "usage";
        event["provider"] = one.provider;
        event["model"] = one.model;
        event["step"] = call.step.substr(call.step.rfind('/') + 1);
        event["input_tokens"] = one.input_tokens;
        event["output_tokens"] = one.output_tokens;
        if (one.cached_tokens > 0) {
            event["cached_tokens"] = one.cached_tokens;
        }
        host.emit(event, nlohmann::ordered_json::object(), Audience::v2_only);
    }
}

void TurnRun::diagnose(std::string_view doing, std::string_view detail) const {
    if (services.diagnose) {
        services.diagnose(doing, detail);
    }
}

Task<void> TurnRun::checkpoint() {
    dirty = true;
    if (saving) {
        co_return;
    }
    saving = true;
    while (dirty) {
        dirty = false;
        std::string text = state_text.of(state);
        co_await host.checkpoint(std::move(text));
    }
    saving = false;
}

const nlohmann::json& latest_memory(const std::vector<HistoryMessage>& history) {
    static const nlohmann::json none;
    const auto found =
        std::find_if(history.rbegin(), history.rend(),
                     [](const HistoryMessage& message) { return message.memory.is_object(); });
    return found == history.rend() ? none : found->memory;
}

TurnResult result_of(TurnRun& run) {
    TurnResult result;
    result.status = run.status;
    result.sources = nlohmann::ordered_json::array();
    for (const Source& source : run.sources) {
        nlohmann::ordered_json entry;
        entry["id"] = source.id;
        entry["title"] = source.title;
        entry["url"] = source.url;
        entry["snippet"] = source.snippet;
        result.sources.push_back(std::move(entry));
    }
    result.timings["phases"] = run.state.phase_ms;
    result.timings["tools"] = run.state.tool_ms;
    if (run.first_token_ms) {
        result.timings["first_token_ms"] = *run.first_token_ms;
    }
    result.timings["total_ms"] = run.elapsed_ms();
    result.usage = usage_sum(run.state.usage);
    result.memory = memory_of(run);
    return result;
}

} // namespace mr
