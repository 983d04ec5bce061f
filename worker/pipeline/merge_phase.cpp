// Phase 4: one picture out of what the tools found. Without it the answer is still possible, so a
// failure degrades the turn and does not end it.
#include "worker/pipeline/concurrency.h"
#include "worker/pipeline/phase_events.h"
#include "worker/pipeline/phases.h"
#include "worker/tools/tool.h"

#include <algorithm>
#include <utility>

namespace mr {
namespace {

constexpr std::size_t kMaxSourceSnippetBytes = 600;

void emit_sources(TurnRun& run) {
    if (run.sources.empty()) {
        return;
    }
    nlohmann::ordered_json event;
    event["type"] = "sources";
    event["sources"] = nlohmann::ordered_json::array();
    for (const Source& source : run.sources) {
        nlohmann::ordered_json entry;
        entry["id"] = source.id;
        entry["title"] = source.title;
        entry["url"] = source.url;
        entry["snippet"] = source.snippet;
        event["sources"].push_back(std::move(entry));
    }
    run.host.emit(event, nlohmann::ordered_json::object(), Audience::v2_only);
}

Task<void> merge_into(TurnRun& run, CallContext& call) {
    const MergeRequest request{run.question, run.state.scope, run.state.findings};
    run.state.merged = co_await run.services.merger->merge(request, call);
}

// Null, or the error that degraded the phase.
Task<nlohmann::ordered_json> try_merge(TurnRun& run, CallContext& call) {
    nlohmann::ordered_json failure;
    try {
        co_await run_until(merge_into(run, call), call.deadline);
    } catch (const ProviderError& error) {
        failure["code"] = provider_fault_name(error.fault());
        failure["message"] = error.what();
    } catch (const std::exception& error) {
        rethrow_cancellation();
        run.diagnose("merge", error.what());
        failure["code"] = "internal";
        failure["message"] = "the findings could not be merged";
    }
    co_return failure;
}

} // namespace

std::vector<Source> sources_of(const std::vector<ToolFinding>& findings) {
    std::vector<Source> sources;
    for (const ToolFinding& finding : findings) {
        if (!finding.ok()) {
            continue;
        }
        for (const Document& document : finding.documents.documents) {
            if (sources.size() >= kMaxSources) {
                return sources;
            }
            Source source;
            source.id = document.id;
            source.title = document.title;
            source.url = document.url;
            source.snippet = clipped(document.snippet, kMaxSourceSnippetBytes);
            sources.push_back(std::move(source));
        }
    }
    return sources;
}

Task<void> merge_findings(TurnRun& run) {
    const auto started_ms = run.elapsed_ms();
    emit_sources(run);
    emit_phase_start(run, kPhaseMerge);
    nlohmann::ordered_json failure;
    std::string_view status = "skipped";
    const bool any = std::any_of(run.state.findings.begin(), run.state.findings.end(),
                                 [](const ToolFinding& finding) { return finding.ok(); });
    if (any) {
        CallContext call = run.call(run.services.limits.merge_timeout, kPhaseMerge.name);
        failure = co_await try_merge(run, call);
        run.add_usage(call);
        status = failure.is_null() ? "ok" : "degraded";
    }
    nlohmann::ordered_json data;
    data["insights_count"] = run.state.merged.insights.size();
    emit_phase_complete(run, kPhaseMerge, data, status, failure, run.elapsed_ms() - started_ms);
    run.state.stage = Stage::merged;
    co_await run.checkpoint();
}

} // namespace mr
