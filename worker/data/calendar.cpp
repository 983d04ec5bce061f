#include "worker/data/calendar.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <stdexcept>

namespace mr::demo {
namespace {

namespace chrono = std::chrono;

constexpr std::array<const char*, 12> kMonths = {"January",   "February", "March",    "April",
                                                 "May",       "June",     "July",     "August",
                                                 "September", "October",  "November", "December"};

chrono::sys_days point(Date date) noexcept {
    return chrono::sys_days{chrono::days{date.days}};
}

Date from(chrono::sys_days day) noexcept {
    return {static_cast<std::int32_t>(day.time_since_epoch().count())};
}

} // namespace

Date Date::of(int year, unsigned month, unsigned day) noexcept {
    return from(chrono::year{year} / chrono::month{month} / chrono::day{day});
}

Date Date::parse(std::string_view text) {
    const auto number = [&](std::size_t offset, std::size_t count) {
        int value = -1;
        const char* end = text.data() + offset + count;
        const auto [stop, error] = std::from_chars(text.data() + offset, end, value);
        return error == std::errc{} && stop == end ? value : -1;
    };
    if (text.size() == 10 && text[4] == '-' && text[7] == '-') {
        const int year = number(0, 4);
        const int month = number(5, 2);
        const int day = number(8, 2);
        const chrono::year_month_day date{chrono::year{year},
                                          chrono::month{static_cast<unsigned>(month)},
                                          chrono::day{static_cast<unsigned>(day)}};
        if (year >= 0 && month >= 0 && day >= 0 && date.ok())
            return from(date);
    }
    throw std::invalid_argument("not a date: " + std::string{text});
}

std::string Date::iso() const {
    const chrono::year_month_day date{point(*this)};
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
    return text.data();
}

std::string Date::in_words() const {
    const chrono::year_month_day date{point(*this)};
    return std::string{kMonths[static_cast<unsigned>(date.month()) - 1]} + " " +
           std::to_string(static_cast<unsigned>(date.day())) + ", " +
           std::to_string(static_cast<int>(date.year()));
}

int Date::year() const noexcept {
    return static_cast<int>(chrono::year_month_day{point(*this)}.year());
}

unsigned Date::weekday() const noexcept {
    return chrono::weekday{point(*this)}.iso_encoding() - 1;
}

Date Date::end_of_month() const noexcept {
    const chrono::year_month_day date{point(*this)};
    return from(chrono::sys_days{date.year() / date.month() / chrono::last});
}

Date Date::working_day() const noexcept {
    const unsigned day = weekday();
    return day < 5 ? *this : *this + (7 - day);
}

} // namespace mr::demo
