// What rows look like: decides as what they are drawn and writes it down twice, as a Vega-Lite
// specification with its data inside and, in its `usermeta`, in a neutral form that needs no
// library: type ("bar", "line", "area", "pie", "kpi", "table"), x, y, series, columns, note. Pure:
// no I/O, no knowledge of where the rows came from.
//
// https://vega.github.io/vega-lite/docs/spec.html
#pragma once

#include "worker/providers/types.h"

#include <optional>
#include <string>
#include <string_view>

namespace mr {

inline constexpr std::size_t kMaxChartRows = 200;
inline constexpr std::size_t kMaxBars = 30;
inline constexpr std::size_t kMaxPieParts = 8;
inline constexpr std::size_t kLineRows = 3;   // fewer moments are compared as bars
inline constexpr std::size_t kPeriodBars = 6; // more quarters or years make a line
inline constexpr std::string_view kChartSchema = "https://vega.github.io/schema/vega-lite/v6.json";

// `wish` is the words of the request: "pie", "share", "line", "trend", "area", "bars", "table" are
// honoured where the rows allow it. `schema` is what the specification says of its own version.
// One number is a "kpi", what makes no picture a "table"; nothing when there are no rows.
std::optional<Chart> make_chart(const SqlTable& table, std::string_view title,
                                std::string_view wish, std::string_view schema = kChartSchema);

// Bars, lines, areas and pies are; a single number and a table are shown when they are asked for.
bool is_picture(const Chart& chart);

} // namespace mr
