// Vertex AI Search: the :search method; section 7.
#include "tests/emulator/google.h"

#include <algorithm>

namespace mr::emulator {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxPage = 100;
constexpr std::string_view kHost = "discoveryengine.googleapis.com";

const std::vector<Field>& fields() {
    static const Check kSummary =
        object_of({{"summaryResultCount", kInt, false, between(0, 10)},
                   {"includeCitations", kBool},
                   {"ignoreAdversarialQuery", kBool},
                   {"ignoreNonSummarySeekingQuery", kBool},
                   {"ignoreLowRelevantContent", kBool},
                   {"ignoreJailBreakingQuery", kBool},
                   {"modelPromptSpec", kObject, false, object_of({{"preamble", kString}})},
                   {"languageCode", kString},
                   {"modelSpec", kObject, false, object_of({{"version", kString}})},
                   {"useSemanticChunks", kBool}});
    static const Check kExtract =
        object_of({{"maxExtractiveAnswerCount", kInt, false, between(0, 5)},
                   {"maxExtractiveSegmentCount", kInt, false, between(0, 10)},
                   {"returnExtractiveSegmentScore", kBool},
                   {"numPreviousSegments", kInt, false, between(0, 3)},
                   {"numNextSegments", kInt, false, between(0, 3)}});
    static const Check kContent = object_of(
        {{"snippetSpec", kObject, false,
          object_of(
              {{"returnSnippet", kBool}, {"maxSnippetCount", kInt}, {"referenceOnly", kBool}})},
         {"summarySpec", kObject, false, kSummary},
         {"extractiveContentSpec", kObject, false, kExtract},
         {"searchResultMode", kString, false, one_of({"DOCUMENTS", "CHUNKS"})},
         {"chunkSpec", kObject}});
    static const std::vector<Field> kFields{
        {"query", kString},
        {"branch", kString},
        {"pageSize", kInt, false, between(0, 1e9)},
        {"offset", kInt, false, between(0, 1e9)},
        {"pageToken", kString},
        {"filter", kString},
        {"canonicalFilter", kString},
        {"orderBy", kString},
        {"languageCode", kString},
        {"regionCode", kString},
        {"userPseudoId", kString},
        {"userInfo", kObject},
        {"queryExpansionSpec", kObject, false,
         object_of({{"condition", kString, false, one_of({"AUTO", "DISABLED"})},
                    {"pinUnexpandedResults", kBool}})},
        {"spellCorrectionSpec", kObject, false,
         object_of({{"mode", kString, false, one_of({"AUTO", "SUGGESTION_ONLY"})}})},
        {"contentSearchSpec", kObject, false, kContent},
        {"dataStoreSpecs", kArray, false,
         each(object_of({{"dataStore", kString, true}, {"filter", kString}}))},
        {"boostSpec", kObject},
        {"facetSpecs", kArray},
        {"relevanceThreshold", kString},
        {"params", kObject},
        {"userLabels", kObject},
        {"safeSearch", kBool},
        {"session", kString},
    };
    return kFields;
}

// Quotes end, parentheses pair, and there is an operator.
bool is_filter(std::string_view text) {
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '\\') {
            ++i;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted) {
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            if (depth < 0) {
                return false;
            }
        }
    }
    return !quoted && depth == 0 && text.find_first_of(":=<>") != std::string_view::npos;
}

json document(int number) {
    const std::string id = "doc-" + std::to_string(number);
    return {
        {"id", id},
        {"document",
         {{"name", "projects/1/locations/global/collections/default_collection/dataStores/d/"
                   "branches/0/documents/" +
                       id},
          {"id", id},
          {"structData", {{"title", "Document " + std::to_string(number)}, {"project_id", "12"}}},
          {"derivedStructData",
           {{"title", "Document " + std::to_string(number)},
            {"link", "gs://emulated/" + id + ".pdf"},
            {"snippets",
             {{{"snippet", "a <b>hit</b>&nbsp;in " + id}, {"snippet_status", "SUCCESS"}}}},
            {"extractive_answers", {{{"pageNumber", "3"}, {"content", "What " + id + " says."}}}},
            {"can_fetch_raw_content", "true"}}}}}};
}

json sample(const json& body) {
    json out = {{"results", {document(1), document(2), document(3)}},
                {"totalSize", 3},
                {"attributionToken", fresh_id("att-")}};
    if (body.contains("contentSearchSpec") && body["contentSearchSpec"].contains("summarySpec")) {
        const json source = {{"startIndex", "0"},
                             {"endIndex", "20"},
                             {"sources", {{{"referenceIndex", "0"}}, json::object()}}};
        out["summary"] = {
            {"summaryText", "What the documents say. [1]"},
            {"summaryWithMetadata",
             {{"summary", "What the documents say."},
              {"citationMetadata", {{"citations", json::array({source})}}},
              {"references", {{{"title", "Document 1"}, {"uri", "gs://emulated/doc-1.pdf"}}}}}}};
    }
    return out;
}

class VertexSearch final : public Provider {
  public:
    explicit VertexSearch(const Account& account) : account_(account) {}

    std::optional<Answer> refuse(Call& call) override {
        std::string location;
        call.record.endpoint = is_search(call.path, location) ? "search" : "";
        if (call.record.endpoint.empty() || call.request.method != "POST") {
            return refusal(call, 404, "There is nothing at this path.");
        }
        if (wrong_host(call.request.host, location)) {
            return refusal(call, 400, "Wrong API endpoint for the location " + location + ".");
        }
        if (const auto problem = google::unauthorized(call, account_)) {
            return refusal(call, 401, "Not authenticated: " + *problem + ".");
        }
        if (!is_json(call.request) || !call.body.is_object()) {
            return refusal(call, 400, "The body is not a JSON object.");
        }
        if (const Found problem = check_object(call.body, fields(), "")) {
            return refusal(call, 400, google::words(*problem));
        }
        const std::string filter = call.body.value("filter", "");
        if (!filter.empty() && !is_filter(filter)) {
            return refusal(call, 400, "The filter cannot be read: " + filter);
        }
        return std::nullopt;
    }

    Answer answer(Call& call, const Behaviour& how) override {
        const std::string filter = call.body.value("filter", "");
        if (!how.unsupported.empty() && filter.find(how.unsupported) != std::string::npos) {
            return fail(call, 400,
                        {{"message",
                          "The filter names a field that is not indexable: " + how.unsupported}});
        }
        json body = how.answer.is_object() ? how.answer : sample(call.body);
        if (body.contains("results")) {
            page(call, body);
        }
        return json_answer(200, body);
    }

    Answer fail(const Call&, int status, const json& error) override {
        return json_answer(status, google::error_body(status, error));
    }

  private:
    // …/servingConfigs/SC:search under an engine or a data store.
    static bool is_search(const std::string& path, std::string& location) {
        const std::vector<std::string> parts = split_path(path);
        if (parts.size() < 9 || parts[0].substr(0, 2) != "v1" || parts[1] != "projects" ||
            parts[3] != "locations" || !parts.back().ends_with(":search") ||
            parts[parts.size() - 2] != "servingConfigs") {
            return false;
        }
        location = parts[4];
        const std::size_t at = parts[5] == "collections" ? 7 : 5;
        return parts.size() == at + 4 && (parts[at] == "engines" || parts[at] == "dataStores");
    }

    // Of the real hosts; global has the one without a prefix.
    static bool wrong_host(const std::string& host, const std::string& location) {
        const std::string name = host.substr(0, host.find(':'));
        const std::string prefix = location == "global" ? "" : location + "-";
        return name.ends_with(kHost) && name != prefix + std::string(kHost);
    }

    Answer refusal(Call& call, int status, const std::string& text) {
        call.record.problem = text;
        return fail(call, status, {{"message", text}});
    }

    static void page(const Call& call, json& body) {
        const json all = body["results"];
        const std::size_t asked = call.body.value("pageSize", std::size_t(0));
        const std::size_t size = std::min(asked > 0 ? asked : 10, kMaxPage);
        const std::string token = call.body.value("pageToken", "");
        const std::size_t first =
            std::strtoul(token.c_str(), nullptr, 10) + call.body.value("offset", std::size_t(0));
        json results = json::array();
        for (std::size_t i = first; i < all.size() && i < first + size; ++i) {
            results.push_back(all[i]);
        }
        if (first + size < all.size()) {
            body["nextPageToken"] = std::to_string(first + size);
        }
        body["results"] = std::move(results);
    }

    const Account& account_;
};

} // namespace

std::unique_ptr<Provider> make_vertex_search(const Account& account) {
    return std::make_unique<VertexSearch>(account);
}

} // namespace mr::emulator
