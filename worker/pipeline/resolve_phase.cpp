// Phase 1: which projects is the question about?
#include "worker/pipeline/phase_events.h"
#include "worker/pipeline/phases.h"

#include <algorithm>
#include <utility>

namespace mr {
namespace {

constexpr double kSureScore = 0.84;      // below: the name is not known
constexpr double kTieDistance = 0.015;   // candidates this near to the best one are meant as well
constexpr std::size_t kMaxTied = 3;      // more than this: the name says too little
constexpr double kSuggestionScore = 0.5; // worth offering
constexpr std::size_t kMaxSuggestions = 3;

UnknownProject unknown_of(const ProjectMatch& match) {
    UnknownProject unknown;
    unknown.name = match.name;
    for (const ProjectCandidate& candidate : match.candidates) {
        if (candidate.score >= kSuggestionScore && unknown.suggestions.size() < kMaxSuggestions) {
            unknown.suggestions.push_back(candidate.project.name);
        }
    }
    return unknown;
}

void add_once(std::vector<Project>& projects, const Project& project) {
    const bool known = std::any_of(projects.begin(), projects.end(),
                                   [&](const Project& other) { return other.id == project.id; });
    if (!known) {
        projects.push_back(project);
    }
}

Task<void> find_scope(TurnRun& run, CallContext& call) {
    const ProjectMentions mentions = co_await run.services.extractor->extract(run.question, call);
    if (mentions.names.empty()) {
        co_return;
    }
    const std::vector<ProjectMatch> matches =
        co_await run.services.directory->lookup(mentions.names, call);
    if (matches.size() != mentions.names.size()) {
        throw ProviderError(ProviderFault::bad_reply, "the project directory gave no clear reply");
    }
    run.state.scope = decide_scope(matches);
}

nlohmann::ordered_json unknown_error(const ProjectScope& scope) {
    if (scope.unknown.empty()) {
        return nullptr;
    }
    std::string names;
    for (const UnknownProject& unknown : scope.unknown) {
        names += names.empty() ? "" : ", ";
        names += "\"" + unknown.name + "\"";
    }
    nlohmann::ordered_json error;
    error["code"] = "unknown_project";
    error["message"] = "No project is known by the name " + names;
    return error;
}

} // namespace

ProjectScope decide_scope(const std::vector<ProjectMatch>& matches) {
    ProjectScope scope;
    for (const ProjectMatch& match : matches) {
        if (match.candidates.empty() || match.candidates.front().score < kSureScore) {
            scope.unknown.push_back(unknown_of(match));
            continue;
        }
        const double floor = match.candidates.front().score - kTieDistance;
        const auto tied =
            std::count_if(match.candidates.begin(), match.candidates.end(),
                          [&](const ProjectCandidate& one) { return one.score >= floor; });
        if (static_cast<std::size_t>(tied) > kMaxTied) {
            scope.unknown.push_back(unknown_of(match));
            continue;
        }
        for (const ProjectCandidate& candidate : match.candidates) {
            if (candidate.score >= floor) {
                add_once(scope.projects, candidate.project);
            }
        }
    }
    return scope;
}

Task<void> resolve_projects(TurnRun& run) {
    const auto started_ms = run.elapsed_ms();
    emit_phase_start(run, kPhaseResolve);
    CallContext call = run.call(run.services.limits.project_resolution_timeout, kPhaseResolve.name);
    co_await run_phase_work(run, "The projects in the question could not be identified",
                            find_scope(run, call), call.deadline);
    run.add_usage(call);

    const ProjectScope& scope = run.state.scope;
    nlohmann::ordered_json data;
    data["found"] = scope.projects.size();
    data["projects"] = nlohmann::ordered_json::array();
    for (const Project& project : scope.projects) {
        data["projects"].push_back(project.name);
    }
    const std::string_view status = scope.unknown.empty() ? "ok" : "degraded";
    emit_phase_complete(run, kPhaseResolve, data, status, unknown_error(scope),
                        run.elapsed_ms() - started_ms);
    run.state.stage = Stage::resolved;
    co_await run.checkpoint();
}

} // namespace mr
