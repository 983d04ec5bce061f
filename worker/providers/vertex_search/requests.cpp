#include "worker/providers/project_values.h"
#include "worker/providers/vertex_search/wire.h"

#include <algorithm>

namespace mr::vertex_search {
namespace {

using nlohmann::json;

json summary_spec(const Options& options) {
    json spec = {{"summaryResultCount", std::min<std::uint64_t>(options.page_size, kMaxSummarised)},
                 {"includeCitations", true},
                 {"ignoreAdversarialQuery", true},
                 {"ignoreNonSummarySeekingQuery", false},
                 {"ignoreLowRelevantContent", true}};
    if (!options.summary_preamble.empty()) {
        spec["modelPromptSpec"] = {{"preamble", options.summary_preamble}};
    }
    if (!options.language.empty()) {
        spec["languageCode"] = options.language;
    }
    if (!options.summary_model.empty()) {
        spec["modelSpec"] = {{"version", options.summary_model}};
    }
    return spec;
}

} // namespace

std::vector<std::string> project_values(const ProjectScope& scope, const Options& options) {
    return mr::project_values(scope, options.project_value, options.project_field, kMaxProjects,
                              "the document search");
}

std::string filter_text(const std::string& field, const std::vector<std::string>& values) {
    std::string text = field + ": ANY(";
    for (const std::string& value : values) {
        text += text.ends_with('(') ? "\"" : ",\"";
        for (const char c : value) {
            text += c == '"' || c == '\\' ? "\\" : "";
            text += c;
        }
        text += '"';
    }
    return text + ")";
}

json search_body(const Search& search, const Options& options) {
    json body = {
        {"query", search.query},
        {"pageSize", options.page_size},
        {"queryExpansionSpec", {{"condition", options.expand_query ? "AUTO" : "DISABLED"}}},
        {"spellCorrectionSpec", {{"mode", options.correct_spelling ? "AUTO" : "SUGGESTION_ONLY"}}}};
    json content = {{"snippetSpec", {{"returnSnippet", true}}}};
    if (search.extras && options.extracts > 0) {
        content["extractiveContentSpec"] = {{"maxExtractiveAnswerCount", options.extracts}};
    }
    if (search.extras && options.summary) {
        content["summarySpec"] = summary_spec(options);
    }
    body["contentSearchSpec"] = std::move(content);
    if (!search.projects.empty()) {
        body["filter"] = filter_text(options.project_field, search.projects);
    }
    if (!options.language.empty()) {
        body["languageCode"] = options.language;
    }
    return body;
}

} // namespace mr::vertex_search
