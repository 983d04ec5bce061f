#include "worker/providers/local/time_period.h"

#include "worker/providers/local/time_range.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace mr::local {

using namespace std::chrono;

namespace {

constexpr std::array<std::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};

sys_days first_of(int y, unsigned m) {
    const int months = y * 12 + static_cast<int>(m) - 1;
    return year{months / 12} / month{static_cast<unsigned>(months % 12) + 1} / day{1};
}
} // namespace

std::string iso(sys_days day) {
    const year_month_day date(day);
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
    return text.data();
}

std::optional<int> whole_number(std::string_view text) {
    int number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

std::optional<sys_days> parse_iso(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
        return std::nullopt;
    }
    const auto y = whole_number(text.substr(0, 4));
    const auto m = whole_number(text.substr(5, 2));
    const auto d = whole_number(text.substr(8, 2));
    if (!y || !m || !d) {
        return std::nullopt;
    }
    const year_month_day date{year{*y}, month{static_cast<unsigned>(*m)},
                              day{static_cast<unsigned>(*d)}};
    return date.ok() ? std::optional<sys_days>(date) : std::nullopt;
}

std::optional<int> year_word(std::string_view word) {
    const auto number = word.size() == 4 ? whole_number(word) : std::nullopt;
    return number && *number >= 1990 && *number <= 2060 ? number : std::nullopt;
}

std::optional<unsigned> month_word(const TimeParser& parser, std::size_t i) {
    const std::string_view word = parser.at(i);
    for (unsigned m = 0; m < kMonths.size(); ++m) {
        if (word == kMonths[m] || (word.size() >= 3 && word == kMonths[m].substr(0, 3)) ||
            (m == 8 && word == "sept")) {
            // "may" and "march" are verbs too.
            const bool verb = word == "may" || word == "march" || word == "mar";
            return verb && !parser.words[i].capital ? std::nullopt : std::optional(m + 1);
        }
    }
    return std::nullopt;
}

int year_of_day(sys_days day) {
    return static_cast<int>(year_month_day(day).year());
}

namespace {

// Reads "[of|in] 2025", "[of] last year", "[of] this year" behind a month or quarter.
std::optional<int> year_behind(const TimeParser& parser, std::size_t& i) {
    std::size_t next = i;
    if (parser.at(next) == "of" || parser.at(next) == "in") {
        ++next;
    }
    if (const auto y = year_word(parser.at(next))) {
        i = next + 1;
        return y;
    }
    const std::string_view which = parser.at(next);
    if (parser.at(next + 1) == "year" && (which == "this" || which == "last")) {
        i = next + 2;
        return year_of_day(parser.today) - (which == "last" ? 1 : 0);
    }
    return std::nullopt;
}

Period span_of_months(int y, unsigned m, int count, std::string name, std::size_t last) {
    Period period;
    period.from = first_of(y, m);
    period.to = first_of(y, m + static_cast<unsigned>(count));
    period.name = std::move(name);
    period.last = last;
    return period;
}

Period year_period(const TimeParser& parser, int y, std::size_t last) {
    const bool running = y == year_of_day(parser.today);
    return span_of_months(y, 1, 12, std::to_string(y) + (running ? " to date" : ""), last);
}

std::optional<Period> read_month(const TimeParser& parser, std::size_t i) {
    const auto m = month_word(parser, i);
    if (!m) {
        return std::nullopt;
    }
    std::size_t next = i + 1;
    std::optional<int> day_number = whole_number(parser.at(next));
    if (day_number && *day_number >= 1 && *day_number <= 31) {
        ++next;
    } else {
        day_number.reset();
    }
    int y = year_of_day(parser.today);
    if (const auto given = year_behind(parser, next)) {
        y = *given;
    } else if (first_of(y, *m) > parser.today) {
        --y; // the last one there was
    }
    const std::string name = std::string(kMonthNames[*m - 1]) + " ";
    if (day_number) {
        const year_month_day date{year{y}, month{*m}, day{static_cast<unsigned>(*day_number)}};
        if (date.ok()) {
            Period period;
            period.from = date;
            period.to = period.from + days{1};
            period.name = name + std::to_string(*day_number) + ", " + std::to_string(y);
            period.last = next;
            return period;
        }
    }
    return span_of_months(y, *m, 1, name + std::to_string(y), next);
}

// Which quarter ("q2", "second quarter") or half ("h1", "first half") begins at i.
std::optional<Period> read_part_of_year(const TimeParser& parser, std::size_t i) {
    static constexpr std::array<std::string_view, 4> kOrdinals = {"first", "second", "third",
                                                                  "fourth"};
    const std::string_view word = parser.at(i);
    int number = 0;
    bool half = false;
    std::size_t next = i + 1;
    if (word.size() == 2 && (word[0] == 'q' || word[0] == 'h') && word[1] >= '1' &&
        word[1] <= (word[0] == 'q' ? '4' : '2')) {
        number = word[1] - '0';
        half = word[0] == 'h';
    } else {
        const auto* ordinal = std::find(kOrdinals.begin(), kOrdinals.end(), word);
        const bool quarter = parser.at(next) == "quarter";
        half = parser.at(next) == "half";
        if (ordinal == kOrdinals.end() || (!quarter && !half)) {
            return std::nullopt;
        }
        number = static_cast<int>(ordinal - kOrdinals.begin()) + 1;
        ++next;
    }
    const int y = year_behind(parser, next).value_or(year_of_day(parser.today));
    const int length = half ? 6 : 3;
    const std::string name = (half ? "H" : "Q") + std::to_string(number) + " " + std::to_string(y);
    return span_of_months(y, static_cast<unsigned>((number - 1) * length + 1), length, name, next);
}

// "last year", "this quarter", "next month", "previous week".
std::optional<Period> read_relative(const TimeParser& parser, std::size_t i) {
    const std::string_view which = parser.at(i);
    const std::string_view unit = parser.at(i + 1);
    const bool past = which == "last" || which == "previous" || which == "prior" || which == "past";
    const int shift = past ? -1 : which == "next" || which == "coming" ? 1 : 0;
    if (!past && shift == 0 && which != "this" && which != "current") {
        return std::nullopt;
    }
    const year_month_day now(parser.today);
    const int y = static_cast<int>(now.year());
    const auto m = static_cast<int>(static_cast<unsigned>(now.month()));
    if (unit == "year") {
        return year_period(parser, y + shift, i + 2);
    }
    if (unit == "quarter") {
        const int index = y * 4 + (m - 1) / 3 + shift;
        const int quarter = index % 4 + 1;
        return span_of_months(index / 4, static_cast<unsigned>(quarter * 3 - 2), 3,
                              "Q" + std::to_string(quarter) + " " + std::to_string(index / 4),
                              i + 2);
    }
    if (unit == "month") {
        const int index = y * 12 + m - 1 + shift;
        const auto which_month = static_cast<unsigned>(index % 12);
        return span_of_months(
            index / 12, which_month + 1, 1,
            std::string(kMonthNames[which_month]) + " " + std::to_string(index / 12), i + 2);
    }
    if (unit == "week") {
        const weekday today(parser.today);
        Period period;
        period.from = parser.today - days{(today.iso_encoding() - 1)} + weeks{shift};
        period.to = period.from + weeks{1};
        period.name = "the week of " + iso(period.from);
        period.last = i + 2;
        return period;
    }
    return std::nullopt;
}

// "last 6 months", "past two years", "next 90 days".
std::optional<Period> read_rolling(const TimeParser& parser, std::size_t i) {
    const std::string_view which = parser.at(i);
    const bool past = which == "last" || which == "past" || which == "previous";
    const int count = small_number(parser.at(i + 1));
    if ((!past && which != "next") || count == 0 || i + 2 >= parser.words.size()) {
        return std::nullopt;
    }
    const std::string& unit = parser.words[i + 2].stem;
    const int months_each = unit == "month" ? 1 : unit == "quarter" ? 3 : unit == "year" ? 12 : 0;
    const int days_each = unit == "day" ? 1 : unit == "week" ? 7 : 0;
    if (months_each == 0 && days_each == 0) {
        return std::nullopt;
    }
    const year_month_day now(parser.today);
    const int sign = past ? -1 : 1;
    sys_days other = parser.today + days{sign * days_each * count};
    if (months_each > 0) {
        year_month_day shifted = now + months{sign * months_each * count};
        if (!shifted.ok()) {
            shifted = shifted.year() / shifted.month() / last;
        }
        other = shifted;
    }
    Period period;
    period.from = past ? other + days{1} : parser.today;
    period.to = past ? parser.today + days{1} : other + days{1};
    period.name = std::string(past ? "the last " : "the next ") + std::to_string(count) + " " +
                  unit + (count == 1 ? "" : "s");
    period.last = i + 3;
    return period;
}

std::optional<Period> read_to_date(const TimeParser& parser, std::size_t i) {
    const bool words =
        parser.at(i) == "year" && parser.at(i + 1) == "to" && parser.at(i + 2) == "date";
    if (parser.at(i) == "ytd" || words) {
        return year_period(parser, year_of_day(parser.today), i + (words ? 3 : 1));
    }
    const int count = small_number(parser.at(i));
    if (count > 0 && parser.at(i + 2) == "ago" && i + 1 < parser.words.size() &&
        parser.words[i + 1].stem == "year") {
        return year_period(parser, year_of_day(parser.today) - count, i + 3);
    }
    if (parser.at(i) == "year" && parser.at(i + 1) == "before" && parser.at(i + 2) == "last") {
        return year_period(parser, year_of_day(parser.today) - 2, i + 3);
    }
    return std::nullopt;
}

std::optional<Period> read_absolute(const TimeParser& parser, std::size_t i) {
    const std::string_view word = parser.at(i);
    if (const auto y = year_word(word)) {
        return year_period(parser, *y, i + 1);
    }
    if (const auto day = parse_iso(word)) {
        Period period;
        period.from = *day;
        period.to = *day + days{1};
        period.name = iso(*day);
        period.last = i + 1;
        return period;
    }
    if (word.size() == 9 && word[4] == '-') { // "2023-2025"
        const auto a = year_word(word.substr(0, 4));
        const auto b = year_word(word.substr(5));
        if (a && b && *a < *b) {
            Period period = span_of_months(*a, 1, (*b - *a + 1) * 12,
                                           std::to_string(*a) + " to " + std::to_string(*b), i + 1);
            return period;
        }
    }
    return std::nullopt;
}

} // namespace

std::optional<Period> read_period(const TimeParser& parser, std::size_t i) {
    for (const auto& read : {read_rolling, read_relative, read_part_of_year, read_to_date,
                             read_month, read_absolute}) {
        if (auto period = read(parser, i)) {
            return period;
        }
    }
    return std::nullopt;
}

} // namespace mr::local
