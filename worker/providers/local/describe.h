// Puts a query into words: what was counted, of which rows, where and when. For titles, answers and
// honest apologies.
#pragma once

#include "worker/providers/local/catalogue.h"
#include "worker/providers/local/intent.h"
#include "worker/providers/types.h"

#include <string>
#include <vector>

namespace mr::local {

// "amount invoiced", "number of failed inspections".
std::string metric_phrase(const Metric& metric, const QueryIntent& query);

// " for Harbor Point", " for Harbor Point and Harbor Court", " across all projects".
std::string scope_words(const ProjectScope& scope);

// " in Portland, in 2025": filters and time, each with a leading space; may be empty.
std::string filter_words(const QueryIntent& query);
std::string time_words(const QueryIntent& query);

// "failed crane inspections": the rows of a list.
std::string rows_phrase(const QueryIntent& query, bool plural);

std::string query_title(const QueryIntent& query, const ProjectScope& scope);

std::string period_label(const TimeRange& range); // "2025", "since March 2026"

// "a", "a and b", "a, b and c".
std::string joined(const std::vector<std::string>& parts, std::string_view last = " and ");

std::string capitalized(std::string text);

} // namespace mr::local
