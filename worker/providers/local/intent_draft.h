// The parser's working notes: the cues of a question, sorted by what they are. Used by
// intent_parser.cpp, intent_modes.cpp and intent_filters.cpp only.
#pragma once

#include "worker/providers/local/amounts.h"
#include "worker/providers/local/catalogue.h"
#include "worker/providers/local/intent_parser.h"

#include <optional>

namespace mr::local {

struct Placed {
    std::string_view value;
    std::size_t at;  // first word
    std::size_t end; // behind the last
};

struct Draft {
    Draft(const Reading& words, const Vocabulary& names) : reading(words), vocabulary(names) {}

    const Reading& reading;
    const Vocabulary& vocabulary;
    std::vector<Placed> metrics;
    std::vector<Placed> nouns;
    std::vector<Placed> things; // nouns of fields: client, trade, month
    std::vector<Placed> states;
    std::vector<Placed> attributes;
    std::vector<Placed> types;
    std::vector<std::string> groups;
    std::vector<FoundTime> times;
    std::vector<Bound> bounds;
    int limit = 0;
    bool count = false;
    bool amount = false;
    bool average = false;
    bool most = false;
    bool least = false;
    bool newest = false;
    bool oldest = false;
    bool top = false;
    bool list = false;
    bool which = false;
    std::vector<std::size_t> which_ends; // behind each "which" or "what"
    std::size_t count_end = 0;           // behind "how many"
    bool compare = false;
    bool share = false;
    bool compare_years = false;
    bool trend = false;
    bool overview = false;
    bool over_budget = false;
    bool insurance_expired = false;
    std::string chart;
    std::size_t projects = 0; // names of projects in the question
    bool carried = false;     // none named, but those of the turn before are meant
    bool vendor_named = false;

    // "which vendors", "what active projects": the noun itself is asked for.
    bool asked_by_which(std::size_t noun_at) const noexcept;
    bool about_projects() const noexcept { return projects > 0 || carried; }
    bool superlative() const noexcept { return most || least; }
    bool has_noun(std::string_view subject) const noexcept;
    bool has_metric(std::string_view name) const noexcept;
};

// Words of dates, bounds and names are `taken`: they are no cues.
Draft make_draft(const Reading& reading, const std::vector<FoundCue>& cues,
                 const std::vector<FoundTime>& times, const std::vector<Bound>& bounds,
                 const Vocabulary& vocabulary, bool carried = false);

// The mode and what it is about; leaves filters and times out.
void decide_mode(Draft& draft, QueryIntent& query);

// Adds filters from states, names, bounds; needs the mode.
void add_filters(const Draft& draft, QueryIntent& query);

// The subject a query is about: that of its first metric, or of its list.
std::string_view subject_of(const QueryIntent& query);

} // namespace mr::local
