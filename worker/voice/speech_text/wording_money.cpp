#include "worker/voice/speech_text/number_words.h"
#include "worker/voice/speech_text/wording.h"

#include <array>

namespace mr::voice {
namespace {

struct Currency {
    std::string_view sign;
    std::string_view one, many;
    std::string_view small_one, small_many;
};

constexpr std::array kCurrencies{
    Currency{"$", "dollar", "dollars", "cent", "cents"},
    Currency{"\xE2\x82\xAC", "euro", "euros", "cent", "cents"},
    Currency{"\xC2\xA3", "pound", "pounds", "penny", "pence"},
};

// Cents are two digits; anything else behind the point is said as a fraction.
std::string amount(const Figure& figure, const Currency& currency) {
    const bool cents = figure.fraction.size() == 2;
    const bool none = figure.digits.find_first_not_of('0') == std::string::npos;
    const std::string_view whole = figure.digits == "1" ? currency.one : currency.many;
    if (!figure.fraction.empty() && !cents) {
        return decimal(figure.digits, figure.fraction) + " " + std::string(currency.many);
    }
    const bool some_cents = cents && figure.fraction != "00";
    std::string words;
    if (!none || !some_cents) {
        words = cardinal(figure.digits) + " " + std::string(whole);
    }
    if (some_cents) {
        const std::string_view digits = figure.fraction;
        const std::string said = cardinal(digits[0] == '0' ? digits.substr(1) : digits);
        words += words.empty() ? "" : " and ";
        words += said + " ";
        words += said == "one" ? currency.small_one : currency.small_many;
    }
    return words;
}

std::optional<unsigned> number_of(std::string_view text, size_t most) {
    unsigned number = 0;
    size_t at = 0;
    for (; at < text.size() && is_digit(text[at]); ++at) {
        number = at < most ? number * 10 + static_cast<unsigned>(text[at] - '0') : number;
    }
    return at == 0 || at > most ? std::nullopt : std::optional(number);
}

size_t digits_at(std::string_view text) {
    size_t at = 0;
    while (at < text.size() && is_digit(text[at])) {
        ++at;
    }
    return at;
}

std::optional<Said> date_of(unsigned year_number, unsigned month, unsigned day, size_t size) {
    if (month < 1 || month > 12 || day < 1 || day > 31) {
        return std::nullopt;
    }
    std::string words = std::string(month_name(month)) + " " + ordinal(day);
    if (year_number >= 1000 && year_number < 3000) {
        words += ", " + year(year_number);
    } else if (year_number != 0) {
        return std::nullopt;
    }
    return Said{std::move(words), size};
}

} // namespace

std::optional<Said> say_money(std::string_view text) {
    for (const Currency& currency : kCurrencies) {
        if (!text.starts_with(currency.sign)) {
            continue;
        }
        const size_t lead = currency.sign.size();
        const std::optional<Figure> figure = figure_at(text.substr(lead));
        if (!figure) {
            return Said{std::string(currency.many), lead};
        }
        size_t size = lead + figure->size;
        const Said scale = scale_at(text.substr(size));
        if (scale.size > 0) {
            size += scale.size;
            return Said{decimal(figure->digits, figure->fraction) + " " + scale.words + " " +
                            std::string(currency.many),
                        size};
        }
        return Said{amount(*figure, currency), size};
    }
    return std::nullopt;
}

// 2026-03-04 (ISO 8601) and 3/4/2026, 3/4/26 as it is written in the United States.
std::optional<Said> say_date(std::string_view text) {
    const size_t first = digits_at(text);
    if (first == 4 && text.size() >= 10 && text[4] == '-' && digits_at(text.substr(5)) == 2 &&
        text[7] == '-' && digits_at(text.substr(8)) == 2) {
        return date_of(*number_of(text, 4), *number_of(text.substr(5), 2),
                       *number_of(text.substr(8), 2), 10);
    }
    if (first < 1 || first > 2 || first >= text.size() || text[first] != '/') {
        return std::nullopt;
    }
    const std::string_view middle = text.substr(first + 1);
    const size_t second = digits_at(middle);
    if (second < 1 || second > 2 || second >= middle.size() || middle[second] != '/') {
        return std::nullopt;
    }
    const std::string_view last = middle.substr(second + 1);
    const size_t third = digits_at(last);
    if (third != 4 && third != 2) {
        return std::nullopt;
    }
    const unsigned written = *number_of(last, 4);
    return date_of(third == 2 ? 2000 + written : written, *number_of(text, 2),
                   *number_of(middle, 2), first + second + third + 2);
}

std::optional<Said> say_time(std::string_view text) {
    const size_t first = digits_at(text);
    if (first < 1 || first > 2 || text.size() < first + 3 || text[first] != ':' ||
        digits_at(text.substr(first + 1)) != 2) {
        return std::nullopt;
    }
    const unsigned hour = *number_of(text, 2);
    const std::string_view minutes = text.substr(first + 1, 2);
    const bool goes_on = text.size() > first + 3 && text[first + 3] == ':';
    if (hour > 24 || minutes[0] > '5' || goes_on) {
        return std::nullopt;
    }
    std::string_view rest = text.substr(first + 3);
    const size_t blank = rest.starts_with(' ') ? 1 : 0;
    const std::string half = lower_text(rest.substr(blank, 2));
    const bool has_half = half == "am" || half == "pm";
    std::string words = cardinal(std::to_string(hour));
    if (minutes != "00") {
        words += minutes[0] == '0' ? " oh " + cardinal(minutes.substr(1)) : " " + cardinal(minutes);
    } else if (!has_half) {
        words += hour > 12 || hour == 0 ? " hundred" : " o'clock";
    }
    if (has_half) {
        words += half == "am" ? " A M" : " P M";
    }
    return Said{std::move(words), first + 3 + (has_half ? blank + 2 : 0)};
}

// "Sept. 5, 2026", "March 4th", "June 2026", "Mar 2026"; a month alone in full, "May" as it is.
std::optional<Said> say_month_and_day(std::string_view text) {
    size_t at = 0;
    while (at < text.size() && is_letter(text[at])) {
        ++at;
    }
    const unsigned month =
        is_upper(text.empty() ? 'a' : text[0]) ? month_of(lower_text(text.substr(0, at))) : 0;
    if (month == 0) {
        return std::nullopt;
    }
    std::string words(month_name(month));
    size_t size = at + (at < text.size() && text[at] == '.' && at < words.size() ? 1 : 0);
    if (size >= text.size() || text[size] != ' ') {
        return Said{std::move(words), at < words.size() ? size : at};
    }
    const std::string_view behind = text.substr(size + 1);
    const size_t digits = digits_at(behind);
    const auto full_year = [](std::string_view rest) {
        const size_t count = digits_at(rest);
        return count == 4 && (rest[0] == '1' || rest[0] == '2');
    };
    if (full_year(behind)) {
        return Said{words + " " + year(*number_of(behind, 4)), size + 1 + 4};
    }
    const unsigned day = digits >= 1 && digits <= 2 ? *number_of(behind, 2) : 0;
    const bool more = digits + 1 < behind.size() && is_digit(behind[digits + 1]) &&
                      (behind[digits] == '.' || behind[digits] == '/' || behind[digits] == ':');
    if (day < 1 || day > 31 || more) {
        return Said{std::move(words), size};
    }
    words += " " + ordinal(day);
    size += 1 + digits;
    const std::string suffix = lower_text(text.substr(size, 2));
    if (suffix == "st" || suffix == "nd" || suffix == "rd" || suffix == "th") {
        size += 2;
    }
    if (text.substr(size).starts_with(", ") && full_year(text.substr(size + 2))) {
        words += ", " + year(*number_of(text.substr(size + 2), 4));
        size += 6;
    }
    return Said{std::move(words), size};
}

} // namespace mr::voice
