// Decides whether rows can be drawn, as what, and writes the Vega-Lite specification. Pure: no I/O,
// no knowledge of where the rows came from.
#pragma once

#include "worker/providers/types.h"

#include <optional>
#include <string_view>

namespace mr {

inline constexpr std::size_t kMaxChartRows = 200;
inline constexpr std::size_t kMaxBars = 30;
inline constexpr std::size_t kMaxPieParts = 8;

// `wish` is the words of the request: "pie", "line", "bar", "share" are honoured where the rows
// allow it. Nothing when the rows make no picture (one row, no number, no label).
std::optional<Chart> make_chart(const SqlTable& table, std::string_view title,
                                std::string_view wish);

// Whether make_chart would return something.
bool drawable(const SqlTable& table);

} // namespace mr
