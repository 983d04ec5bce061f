#include "worker/providers/local/time_range.h"

#include "worker/providers/local/time_period.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

namespace mr::local {
namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 13> kNumbers = {"zero", "one",    "two",   "three", "four",
                                                       "five", "six",    "seven", "eight", "nine",
                                                       "ten",  "eleven", "twelve"};

std::size_t skip_article(const TimeParser& parser, std::size_t i) {
    return parser.at(i) == "the" || parser.at(i) == "start" || parser.at(i) == "beginning" ||
                   parser.at(i) == "end"
               ? skip_article(parser, i + 1)
           : parser.at(i) == "of" && i > 0 ? i + 1
                                           : i;
}

FoundTime found(std::size_t first, std::size_t last, std::string from, std::string to,
                std::string label) {
    return {{std::move(from), std::move(to), std::move(label)}, first, last};
}

std::string plain_name(const Period& period) {
    constexpr std::string_view kToDate = " to date";
    return period.name.ends_with(kToDate)
               ? period.name.substr(0, period.name.size() - kToDate.size())
               : period.name;
}

// "between A and B", "from A to B".
std::optional<FoundTime> read_between(const TimeParser& parser, std::size_t i) {
    if (parser.at(i) != "between" && parser.at(i) != "from") {
        return std::nullopt;
    }
    auto first = read_period(parser, skip_article(parser, i + 1));
    if (!first) {
        return std::nullopt;
    }
    const std::string_view link = parser.at(first->last);
    if (link != "and" && link != "to" && link != "through" && link != "until" && link != "till") {
        return std::nullopt;
    }
    const auto second = read_period(parser, skip_article(parser, first->last + 1));
    if (!second) {
        return std::nullopt;
    }
    // "from May to July 2024": the year behind the second counts for both.
    while (first->from > second->from) {
        const year_month_day earlier = year_month_day(first->from) - years{1};
        first->from = earlier.ok() ? sys_days(earlier) : first->from - days{365};
        first->name =
            std::string(
                kMonthNames[static_cast<unsigned>(year_month_day(first->from).month()) - 1]) +
            " " + std::to_string(year_of_day(first->from));
    }
    const year_month_day start(first->from);
    const int end_year = year_of_day(second->from);
    if (month_word(parser, skip_article(parser, i + 1)) && second->last > 0 &&
        !year_word(parser.at(first->last - 1)) && year_word(parser.at(second->last - 1)) &&
        static_cast<int>(start.year()) != end_year &&
        start.month() < year_month_day(second->from).month()) {
        first->from = year{end_year} / start.month() / start.day();
        first->name = std::string(kMonthNames[static_cast<unsigned>(start.month()) - 1]) + " " +
                      std::to_string(end_year);
    }
    return found(i, second->last, iso(first->from), iso(second->to),
                 "from " + plain_name(*first) + " to " + plain_name(*second));
}

// "since A", "after A", "before A", "until A", or A alone.
std::optional<FoundTime> read_time(const TimeParser& parser, std::size_t i) {
    if (auto between = read_between(parser, i)) {
        return between;
    }
    const std::string_view cue = parser.at(i);
    const bool bounded = cue == "since" || cue == "after" || cue == "before" || cue == "until" ||
                         cue == "till" || cue == "through" || cue == "from" || cue == "by";
    if (!bounded) {
        const auto period = read_period(parser, i);
        if (!period) {
            return std::nullopt;
        }
        const bool day = period->to - period->from == days{1};
        return found(i, period->last, iso(period->from), iso(period->to),
                     (day ? "on " : "in ") + period->name);
    }
    const auto period = read_period(parser, skip_article(parser, i + 1));
    if (!period) {
        return std::nullopt;
    }
    const std::string name = plain_name(*period);
    if (cue == "since" || cue == "from") {
        return found(i, period->last, iso(period->from), "", "since " + name);
    }
    if (cue == "after") {
        return found(i, period->last, iso(period->to), "", "after " + name);
    }
    if (cue == "before") {
        return found(i, period->last, "", iso(period->from), "before " + name);
    }
    return found(i, period->last, "", iso(period->to), "until " + name);
}

} // namespace

int small_number(std::string_view word) {
    const auto* named = std::find(kNumbers.begin(), kNumbers.end(), word);
    if (named != kNumbers.end()) {
        return static_cast<int>(named - kNumbers.begin());
    }
    const auto number = whole_number(word);
    return number && *number > 0 && *number <= 999 ? *number : 0;
}

int year_of(std::string_view iso_date) {
    return whole_number(iso_date.substr(0, 4)).value_or(0);
}

std::vector<FoundTime> find_times(const std::vector<Word>& words, std::string_view today) {
    std::vector<FoundTime> times;
    const auto now = parse_iso(today);
    if (!now) {
        return times;
    }
    const TimeParser parser{words, *now};
    for (std::size_t i = 0; i < words.size();) {
        auto time = read_time(parser, i);
        if (time) {
            i = time->last;
            times.push_back(std::move(*time));
        } else {
            ++i;
        }
    }
    return times;
}

TimeRange year_range(int y, std::string_view today) {
    const std::string name = std::to_string(y);
    const bool running = y == year_of(today);
    return {name + "-01-01", std::to_string(y + 1) + "-01-01",
            "in " + name + (running ? " to date" : "")};
}

TimeRange year_before(const TimeRange& range, std::string_view today) {
    if (range.from.empty() || range.to.empty()) {
        return year_range(year_of(today) - 1, today);
    }
    const auto shifted = [](const std::string& date) {
        return std::to_string(year_of(date) - 1) + date.substr(4);
    };
    TimeRange before{shifted(range.from), shifted(range.to), ""};
    const bool whole_year = range.from.ends_with("-01-01") && range.to.ends_with("-01-01");
    if (whole_year && year_of(range.to) == year_of(range.from) + 1) {
        return year_range(year_of(range.from) - 1, today);
    }
    before.label = range.label;
    const std::string old_year = std::to_string(year_of(range.from));
    const auto at = before.label.find(old_year);
    if (at != std::string::npos) {
        before.label.replace(at, 4, std::to_string(year_of(range.from) - 1));
    } else {
        before.label = "in the same time a year before";
    }
    return before;
}

} // namespace mr::local
