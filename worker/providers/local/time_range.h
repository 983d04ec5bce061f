// Times in a question: "last year", "Q2 2025", "since March", "between May and July 2024",
// "the last 6 months". Relative to a fixed day given by the data, never to the machine's clock.
#pragma once

#include "worker/providers/local/text.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mr::local {

// Days from `from` up to, not including, `to` (ISO 8601); an empty end is open.
struct TimeRange {
    std::string from;
    std::string to;
    std::string label; // in words: "in 2025", "since March 2026"
    bool operator==(const TimeRange&) const = default;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TimeRange, from, to, label)

struct FoundTime {
    TimeRange range;
    std::size_t first = 0; // word index
    std::size_t last = 0;
};

// In the order of the question; they do not overlap.
std::vector<FoundTime> find_times(const std::vector<Word>& words, std::string_view today);

// The same range one year earlier.
TimeRange year_before(const TimeRange& range, std::string_view today);

TimeRange year_range(int year, std::string_view today);
int year_of(std::string_view iso_date);

// 3 for "3" and "three"; 0 when it is no small number.
int small_number(std::string_view word);

} // namespace mr::local
