// What is asked of Vertex AI Search and what its replies say. Pure: no I/O, no state. Replies are
// remote input: any field may be missing, numbers may be text, unknown fields are ignored.
#pragma once

#include "worker/providers/vertex_search/vertex_search.h"

#include <string>
#include <string_view>
#include <vector>

namespace mr::vertex_search {

inline constexpr std::size_t kMaxProjects = 100; // of one filter
inline constexpr std::size_t kMaxQueryBytes = 2'000;
inline constexpr std::size_t kMaxSnippetBytes = 2'000;
inline constexpr std::size_t kMaxFieldBytes = 500; // of a title, a date, an id
inline constexpr std::size_t kMaxUrlBytes = 2'000; // a longer one is left out
inline constexpr std::size_t kMaxSummaryBytes = 6'000;
inline constexpr std::size_t kMaxSummarised = 5; // documents a summary is made of

// What the documents' project field must be one of, as the field has it; empty: all projects.
// Throws ProviderError{filter}.
std::vector<std::string> project_values(const ProjectScope& scope, const Options& options);

// `field: ANY("a","b")`, escaped.
std::string filter_text(const std::string& field, const std::vector<std::string>& values);

struct Search {
    const std::string& query;
    const ProjectScope& scope;
    const std::vector<std::string>& projects; // of project_values
    bool extras = true;                       // a summary and extracts, as far as they are wanted
};
nlohmann::json search_body(const Search& search, const Options& options);

// Throws ProviderError{bad_reply}, and {filter} for a document that does not say to be of the
// projects asked for.
DocumentHits read_hits(const nlohmann::json& reply, const Search& search, const Options& options);

// The reply's summary with [n] for the n-th of `documents`; empty where there is none, where it
// was skipped, or where it cites, with a filter, what is not among them.
std::string read_summary(const nlohmann::json& reply, const std::vector<Document>& documents,
                         bool filtered);

// HTML as in snippets: without its tags, entities read, blanks merged.
std::string plain_text(std::string_view html);

// `tried` counts from 1. `filtered`: the search was confined by the project field.
// `extras_refused` is set when the app has not the edition for what Search::extras asks.
rest::Refusal refusal_of(const net::HttpResponse& response, const Options& options, int tried,
                         bool filtered, bool& extras_refused);

} // namespace mr::vertex_search
