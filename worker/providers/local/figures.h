// Sentences about the rows of a query: the direct answer, and what is worth noticing. Computed from
// the rows alone, so they are as true for an external writer's query as for our own.
#pragma once

#include "worker/providers/local/intent.h"
#include "worker/providers/types.h"

#include <string>
#include <vector>

namespace mr::local {

// The intent as it was run; empty for queries of another writer.
QueryIntent effective_intent(const SqlQuery& query);

// The answer in a sentence or two, markdown, numbers in bold.
std::string lead_sentence(const ToolFinding& finding, const ProjectScope& scope);

// Shares, trends, extremes; at most kMaxInsights.
inline constexpr std::size_t kMaxInsights = 4;
std::vector<std::string> insights_of(const ToolFinding& finding);

// A markdown table of the rows, or "" when the lead says it all.
inline constexpr std::size_t kMaxTableRows = 15;
std::string rows_table(const ToolFinding& finding);

} // namespace mr::local
