// The SELECT of a "totals" intent: sums, counts and averages, grouped, ranked, compared. Used by
// sql_builder.cpp.
#pragma once

#include "worker/providers/interfaces.h"
#include "worker/providers/local/sql_parts.h"

#include <string>
#include <string_view>
#include <vector>

namespace mr::local {

inline constexpr int kMaxGroups = 100;
inline constexpr int kRankedRows = 5; // shown when one is asked for

// A query in the making: the columns' kinds are noted as they are written.
struct Builder {
    QueryIntent intent;
    const ProjectScope& scope;
    std::string_view today;
    std::vector<SqlColumn> columns;

    const Subject& subject(std::string_view name) const {
        const Subject* found = find_subject(name);
        if (found == nullptr) {
            throw ProviderError(ProviderFault::bad_request, "this is not in the company's tables");
        }
        return *found;
    }
    std::string column(std::string_view label, std::string_view kind) {
        columns.push_back({std::string(label), std::string(kind)});
        return " AS " + quoted_name(label);
    }
};

// May complete builder.intent: several projects make a grouping by project.
std::string totals_sql(Builder& builder);

} // namespace mr::local
