// Calendar days for the demo data: day arithmetic and the two spellings of a date.
// It never asks the clock.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace mr::demo {

struct Date {
    std::int32_t days = 0; // since 1970-01-01

    // "2024-03-11"; throws std::invalid_argument for anything else.
    static Date parse(std::string_view text);
    static Date of(int year, unsigned month, unsigned day) noexcept;

    std::string iso() const;      // 2024-03-11
    std::string in_words() const; // March 11, 2024
    int year() const noexcept;
    unsigned weekday() const noexcept; // 0 is Monday
    Date end_of_month() const noexcept;
    // The next Monday for a Saturday or Sunday, otherwise the day itself.
    Date working_day() const noexcept;

    friend Date operator+(Date date, std::int64_t count) noexcept {
        return {date.days + static_cast<std::int32_t>(count)};
    }
    friend Date operator-(Date date, std::int64_t count) noexcept { return date + -count; }
    friend std::int64_t operator-(Date a, Date b) noexcept { return a.days - b.days; }
    friend auto operator<=>(Date, Date) noexcept = default;
};

} // namespace mr::demo
