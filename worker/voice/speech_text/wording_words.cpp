#include "worker/voice/speech_text/number_words.h"
#include "worker/voice/speech_text/wording.h"

#include <algorithm>
#include <array>

namespace mr::voice {
namespace {

// Said letter by letter although they have vowels, in the business our users are in.
constexpr std::array<std::string_view, 36> kSpelled{
    "AI",  "AP",  "API", "AR",  "CEO", "CFO", "COI", "CO",  "EPA", "EPDM", "ERP", "ETA",
    "EU",  "FAQ", "GAF", "HOA", "ID",  "IT",  "KPI", "NOI", "OEM", "PO",   "ROI", "RFI",
    "SLA", "SOW", "TPO", "UK",  "US",  "USA", "VIP", "YOY", "YTD", "UL",   "EOD", "EIN"};
// In front of these, a number of four digits is a year.
constexpr std::array<std::string_view, 12> kBeforeYears{"in",     "since",  "until",   "from",
                                                        "year",   "by",     "through", "fy",
                                                        "during", "before", "after",   "late"};

bool in_list(const auto& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

size_t word_size(std::string_view text) {
    size_t at = 0;
    while (at < text.size() && (is_letter(text[at]) || is_digit(text[at]))) {
        ++at;
    }
    return at;
}

void add_word(std::string& words, std::string_view word) {
    words += words.empty() ? "" : " ";
    words += word;
}

// Letters one by one, digits one by one.
std::string spelled(std::string_view text) {
    std::string words;
    for (const char c : text) {
        if (is_digit(c)) {
            add_word(words, digit_by_digit(std::string_view(&c, 1)));
        } else if (is_letter(c)) {
            const char upper = static_cast<char>(lower(c) & ~0x20);
            add_word(words, std::string_view(&upper, 1));
        }
    }
    return words;
}

bool year_like(const Figure& figure, std::string_view before) {
    const bool shape = figure.digits.size() == 4 && !figure.grouped && figure.fraction.empty() &&
                       (figure.digits.starts_with("19") || figure.digits.starts_with("20"));
    const bool quarter = before.size() == 2 && before[0] == 'q' && is_digit(before[1]);
    return shape && (quarter || in_list(kBeforeYears, before) || month_of(before) != 0);
}

} // namespace

// 555-123-4567: groups of digits that are no amount.
std::optional<Said> say_phone(std::string_view text) {
    size_t at = 0;
    unsigned groups = 0;
    std::string words;
    for (;;) {
        size_t count = 0;
        while (at + count < text.size() && is_digit(text[at + count])) {
            ++count;
        }
        if (count < 3 || count > 4) {
            return std::nullopt;
        }
        add_word(words, digit_by_digit(text.substr(at, count)));
        at += count;
        ++groups;
        const bool more = at + 1 < text.size() && (text[at] == '-') && is_digit(text[at + 1]);
        if (!more) {
            const bool plain = groups == 2 && count == 4 && at == 8;
            return groups == 3 || plain ? std::optional(Said{std::move(words), at}) : std::nullopt;
        }
        words += ",";
        ++at;
    }
}

std::optional<Said> say_ordinal(std::string_view text) {
    const std::optional<Figure> figure = figure_at(text);
    if (!figure || figure->grouped || !figure->fraction.empty() || figure->size > 4) {
        return std::nullopt;
    }
    const std::string suffix = lower_text(text.substr(figure->size, 2));
    const bool known = suffix == "st" || suffix == "nd" || suffix == "rd" || suffix == "th";
    if (!known || word_size(text) != figure->size + 2) {
        return std::nullopt;
    }
    unsigned number = 0;
    for (const char digit : figure->digits) {
        number = number * 10 + static_cast<unsigned>(digit - '0');
    }
    return Said{ordinal(number), figure->size + 2};
}

std::optional<Said> say_number(std::string_view text, std::string_view before) {
    const std::optional<Figure> figure = figure_at(text);
    if (!figure) {
        return std::nullopt;
    }
    size_t size = figure->size;
    if (year_like(*figure, before)) {
        const unsigned number = static_cast<unsigned>(std::stoul(figure->digits));
        return Said{year(number), size};
    }
    if (text.substr(size).starts_with("/2") && figure->digits == "1" && word_size(text) == 1 &&
        word_size(text.substr(2)) == 1) {
        return Said{"one half", 3};
    }
    std::string words = figure->digits.size() >= 7 && !figure->grouped && figure->fraction.empty()
                            ? digit_by_digit(figure->digits)
                            : decimal(figure->digits, figure->fraction);
    const bool one = figure->digits == "1" && figure->fraction.empty();
    const Said unit = unit_at(text.substr(size), one, true);
    const bool million = size < text.size() && text[size] == 'M'; // "1.2M" is no length
    if (unit.size > 0 && !(million && unit.size == 1)) {
        return Said{words + " " + unit.words, size + unit.size};
    }
    const Said scale = scale_at(text.substr(size));
    if (scale.size > 0) {
        words += " " + scale.words;
        size += scale.size;
        const Said counted = unit_at(text.substr(size), false, true);
        return Said{counted.size > 0 ? words + " " + counted.words : words, size + counted.size};
    }
    return Said{std::move(words), size};
}

// INV-1042, Q3, B12: capital letters and digits, and hyphens between them.
std::optional<Said> say_id(std::string_view text) {
    size_t at = 0;
    size_t letters = 0;
    size_t digits = 0;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        const bool goes_on =
            at + 1 < text.size() && (is_digit(text[at + 1]) || is_upper(text[at + 1]));
        if (is_digit(c)) {
            ++digits;
        } else if (is_upper(c)) {
            ++letters;
        } else if (c != '-' || !goes_on) {
            break;
        }
    }
    const bool whole = at >= text.size() || !is_letter(text[at]);
    if (letters == 0 || digits == 0 || !whole || !is_upper(text[0])) {
        return std::nullopt;
    }
    return Said{spelled(text.substr(0, at)), at};
}

std::optional<Said> say_acronym(std::string_view text) {
    size_t at = 0;
    bool vowel = false;
    while (at < text.size() && is_upper(text[at])) {
        vowel = vowel || std::string_view("AEIOU").find(text[at]) != std::string_view::npos;
        ++at;
    }
    const bool plural = at < text.size() && text[at] == 's' && word_size(text) == at + 1;
    if (at < 2 || at > 5 || (!plural && word_size(text) != at)) {
        return std::nullopt;
    }
    const std::string_view word = text.substr(0, at);
    static constexpr std::array<std::string_view, 6> kNoVowel{"MR",  "MS", "DR",
                                                              "MRS", "ST", "HVAC"};
    const bool spell =
        word == "HVAC" || in_list(kSpelled, word) || (!vowel && !in_list(kNoVowel, word));
    if (!spell) {
        return std::nullopt;
    }
    return Said{spelled(word) + (plural ? "s" : ""), at + (plural ? 1 : 0)};
}

} // namespace mr::voice
