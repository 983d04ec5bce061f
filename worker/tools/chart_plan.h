// Which columns of a table carry a chart, and as what it is drawn. Pure.
#pragma once

#include "worker/providers/types.h"

#include <optional>
#include <string_view>
#include <vector>

namespace mr {

// A label, measures of one kind, and perhaps a series. `type` is that of the neutral form.
struct ChartPlan {
    std::string_view type; // "bar", "line", "area", "pie", "kpi" or "table"
    std::size_t label = 0;
    std::optional<std::size_t> series;
    std::vector<std::size_t> measures; // empty for "table" alone
};

ChartPlan plan_chart(const SqlTable& table, std::string_view wish);

bool is_time(const SqlColumn& column);
// A number out of a number or its text; null for everything else, NaN and infinity too.
nlohmann::json number_cell(const nlohmann::json& cell);

} // namespace mr
