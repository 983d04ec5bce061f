// The trades of a building site: when they work and what part of the contract sum they cost.
// Shared by bids and vendor invoices.
#pragma once

#include "worker/data/model.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace mr::demo {

// When a trade works, in percent of the project's duration, and its share of the contract sum in
// thousandths.
struct Trade {
    std::string_view name;
    int begin_percent, end_percent, share;
};
inline constexpr std::array<Trade, 16> kTrades = {{{"demolition", 0, 15, 25},
                                                   {"sitework", 0, 25, 50},
                                                   {"concrete", 6, 45, 110},
                                                   {"structural steel", 18, 50, 100},
                                                   {"waterproofing", 25, 60, 22},
                                                   {"masonry", 30, 65, 45},
                                                   {"plumbing", 30, 85, 55},
                                                   {"electrical", 32, 92, 95},
                                                   {"hvac", 38, 90, 100},
                                                   {"roofing", 42, 66, 35},
                                                   {"fire protection", 44, 90, 24},
                                                   {"glazing", 48, 80, 60},
                                                   {"drywall", 52, 88, 50},
                                                   {"elevator", 58, 90, 28},
                                                   {"flooring", 72, 97, 25},
                                                   {"painting", 70, 98, 18}}};

// A trade of the table above.
inline const Trade& trade_named(std::string_view name) {
    return *std::ranges::find(kTrades, name, &Trade::name);
}

inline Date day_at_percent(const Project& project, int percent) {
    return project.start + (project.planned_end - project.start) * percent / 100;
}

} // namespace mr::demo
