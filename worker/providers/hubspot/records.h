// What is asked of HubSpot and what its replies say. Pure: no I/O, no state. Replies are remote
// input: unknown fields are ignored, a missing one and null mean the same.
#pragma once

#include "worker/providers/hubspot/hubspot.h"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mr::hubspot {

inline constexpr std::size_t kMaxNames = 3; // looked for in one question
inline constexpr std::size_t kMaxNameBytes = 200;
inline constexpr std::size_t kMaxProjects = 100; // values of one filter
inline constexpr std::uint64_t kMaxPageRecords = 200;
inline constexpr int kMaxPages = 10; // of one search, or of one kind's associations

struct Field {
    std::string_view property;
    std::string_view label; // of CrmRecord::properties; empty: part of the title
};

struct Kind {
    std::string_view path; // "deals"
    std::string_view type; // "deal"
    std::span<const Field> fields;
};

// The kinds of record the words are about; all of them when they name none.
std::vector<const Kind*> kinds_in(const std::string& words);
bool names_kinds(const std::string& words);

// Proper names, quoted phrases and mail addresses in the words, but for those of the projects.
// HubSpot looks for every word it is given, so a sentence would find nothing.
std::vector<std::string> names_in(const std::string& words, const ProjectScope& scope);

// What the records' project property must be one of, in lower case; empty: all projects. Throws
// ProviderError{filter}.
std::vector<std::string> project_values(const ProjectScope& scope, const Options& options);

struct Search {
    const Kind& kind;
    std::string name; // empty: none
    const std::vector<std::string>& projects;
    bool largest = false;   // deals by amount instead of by date
    std::string after;      // where the page begins; empty: the first one
    std::uint64_t seen = 0; // records of the pages before
};
nlohmann::json search_body(const Search& search, const Options& options);

using Labels = std::map<std::string, std::string, std::less<>>; // of pipelines and stages, by id
Labels read_labels(const nlohmann::json& reply);

// Adds what the reply has and `hits` has not; the number of records in the reply. Throws
// ProviderError{bad_reply}, and {filter} for a record that is not of the projects asked for.
std::uint64_t read_hits(const nlohmann::json& reply, const Search& search, const Options& options,
                        const Labels& labels, CrmHits& hits);
std::string next_page(const nlohmann::json& reply); // Search::after; empty: there is none

// The same of single records.
CrmRecord read_record(const nlohmann::json& result, const Kind& kind, const Labels& labels);
bool of_projects(const nlohmann::json& result, const std::vector<std::string>& projects,
                 const Options& options);
// True: `hits` has it already.
bool known(const CrmHits& hits, const CrmRecord& record);

// `tried` counts from 1. `filtered`: the search was confined by the project property.
rest::Refusal refusal_of(const net::HttpResponse& response, const Options& options, int tried,
                         bool filtered);

} // namespace mr::hubspot
