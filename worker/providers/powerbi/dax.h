// Lets exactly one kind of DAX through to a semantic model: one EVALUATE, with measures of its own
// in front at most, over described tables, columns and measures, with functions that cannot widen a
// filter. Pure.
//
// How projects are kept: the expression becomes the first argument of
// CALCULATETABLE(TOPN(n, …), TREATAS({…}, 'T'[C])), so it is evaluated under the filter. What could
// take the filter away again is refused: functions beside a list (ALL…, REMOVEFILTERS, TREATAS,
// CROSSFILTER, USERELATIONSHIP, LOOKUPVALUE, window functions), variables of the whole query, which
// are evaluated outside, and the project's column among the filters of CALCULATE and its like. A
// measure of the model that removes filters itself must not be described (docs/security.md).
//
// https://learn.microsoft.com/dax/dax-queries
#pragma once

#include "worker/providers/powerbi/schema.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mr::powerbi {

inline constexpr std::size_t kMaxDaxBytes = 16 * 1024;
inline constexpr std::size_t kMaxDaxDepth = 64; // of brackets
inline constexpr std::size_t kMaxOrderKeys = 8;

struct Dax {
    std::string define;     // from DEFINE to EVALUATE; may be empty
    std::string expression; // the table behind EVALUATE
    struct Key {
        std::string column;
        bool descending = false;
    };
    std::vector<Key> order;
    bool of_projects = false; // reads what the project filter reaches
};

// Throws QueryRefused that says what is wrong with it. `project` is not to be named
// among filters; null when no project's rows are to be kept apart.
Dax read_dax(std::string_view text, const Schema& schema, const ColumnName* project);

// The query that is sent. `values` are those of the project's column, none: all projects.
std::string confined(const Dax& dax, std::uint64_t max_rows, const ColumnName& project,
                     const std::vector<std::string>& values, bool numeric);

} // namespace mr::powerbi
