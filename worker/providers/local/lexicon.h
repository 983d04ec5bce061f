// The words by which people ask for things: cues for metrics, tables, groupings, states, charts and
// so on. Matching is by word stem, longest cue first, slips forgiven in long words. A table and its
// matcher; what the cues mean together is decided in intent_parser.cpp.
#pragma once

#include "worker/providers/local/annotate.h"

#include <string_view>
#include <vector>

namespace mr::local {

enum class Cue : unsigned char {
    metric,    // value: name in the catalogue
    noun,      // value: subject
    group,     // value: field; "by month", "monthly"
    thing,     // value: field that a noun stands for: "client", "trade"
    attribute, // value: label of an attribute
    state,     // value: a status word of some table: "approved", "active", "failed"
    type,      // value: project type
    count,     // "how many"
    amount,    // "how much", "total"
    average,
    most, // superlatives
    least,
    newest,
    oldest,
    top, // "top 5": the number stands behind it
    list,
    which,
    compare,
    share, // "what share of"
    trend,
    chart,
    overview,
    over_budget,
    insurance_expired,
    crm,
    document,
    everything, // "across all projects", "company-wide"
    enumerate,  // "which ones?"
    follow,     // "what about", "and", "only"
    reference,  // "that", "it", "those"
    small_talk, // value: "greeting", "thanks", "help", "bye", "who"
    today,
};

struct FoundCue {
    Cue cue;
    std::string_view value;
    std::size_t first;
    std::size_t last;
};

// Over the words that are no proper names. In order; they do not overlap.
std::vector<FoundCue> find_cues(const Reading& reading, const std::vector<bool>& taken);

} // namespace mr::local
