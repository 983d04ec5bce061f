// Plain periods in a question ("Q2 2025", "last month", "the last 6 months"), before "since",
// "between" and the like are considered. Used by time_range.cpp only.
#pragma once

#include "worker/providers/local/text.h"

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mr::local {

inline constexpr std::array<std::string_view, 12> kMonthNames = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};

struct Period {
    std::chrono::sys_days from;
    std::chrono::sys_days to; // behind the last day
    std::string name;         // "2025", "Q2 2025", "March 2025"
    std::size_t last = 0;     // behind its last word
};

struct TimeParser {
    const std::vector<Word>& words;
    std::chrono::sys_days today;

    std::string_view at(std::size_t i) const {
        return i < words.size() ? std::string_view(words[i].text) : std::string_view();
    }
};

// The period that begins at word i.
std::optional<Period> read_period(const TimeParser& parser, std::size_t i);

std::string iso(std::chrono::sys_days day);
std::optional<std::chrono::sys_days> parse_iso(std::string_view text);
std::optional<int> whole_number(std::string_view text);
std::optional<int> year_word(std::string_view word);
std::optional<unsigned> month_word(const TimeParser& parser, std::size_t i);
int year_of_day(std::chrono::sys_days day);

} // namespace mr::local
