// What a question asks of the tables, in the catalogue's names. Plain data with a JSON form: it is
// SqlQuery::meaning, and through the turn's memory the ground on which follow-ups stand.
#pragma once

#include "worker/providers/local/time_range.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace mr::local {

struct Filter {
    std::string field; // of the catalogue, or "amount", "having", "unpaid", "over_budget"
    std::string op;    // "=", ">", "<", ">=", "<="
    std::string value;
    bool operator==(const Filter&) const = default;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Filter, field, op, value)

struct QueryIntent {
    std::string mode; // "", "totals", "list", "attributes", "overview"
    std::vector<std::string> metrics;
    std::string aggregate; // "", "avg", "max", "min": instead of the metrics' own
    std::vector<std::string> groups;
    std::string subject; // of a list
    std::vector<std::string> attributes;
    std::string attribute_of; // "project" or "vendor"
    std::vector<Filter> filters;
    std::vector<TimeRange> times; // several: periods to compare
    std::string time_field;       // "start", "end": which date of a project; empty: the subject's
    bool compare = false;         // periods or projects side by side
    std::string order;            // "desc", "asc", "" (natural)
    bool superlative = false;     // "which ... the most": the first row is the answer
    int limit = 0;                // rows wanted, 0 = no wish
    std::string chart;            // words of the wish for a chart

    bool empty() const noexcept { return mode.empty(); }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(QueryIntent, mode, metrics, aggregate, groups,
                                                subject, attributes, attribute_of, filters, times,
                                                time_field, compare, order, superlative, limit,
                                                chart)

} // namespace mr::local
