// Pieces of SQL shared by the query forms of sql_builder.cpp.
#pragma once

#include "worker/providers/local/catalogue.h"
#include "worker/providers/local/intent.h"
#include "worker/providers/types.h"

#include <string>
#include <string_view>
#include <vector>

namespace mr::local {

std::string quoted_text(std::string_view value); // 'it''s'
std::string quoted_name(std::string_view name);  // "Contract value"

// The date column a metric's times refer to.
std::string date_column(const Subject& subject, const Metric* metric, const QueryIntent& intent);

std::string range_condition(const std::string& column, const TimeRange& range);

// Conditions of scope and filters for a subject, without times and "having".
std::vector<std::string> conditions(const Subject& subject, const QueryIntent& intent,
                                    const ProjectScope& scope, std::string_view today);
std::string where_clause(const std::vector<std::string>& all); // "" or " WHERE a AND b"

// Which rows count for a metric, given that a state asked for replaces the usual one.
std::string metric_condition(const Metric& metric, const QueryIntent& intent);
bool averaged(const Metric& metric, const QueryIntent& intent);
std::string aggregate_expression(const Metric& metric, const QueryIntent& intent);
std::string row_expression(const Metric& metric, const QueryIntent& intent); // additive metrics

std::string required_field(const Subject& subject, std::string_view field, std::string_view date);

} // namespace mr::local
