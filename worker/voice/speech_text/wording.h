// The rules of speakable(): each looks at one place of the text and either says what stands there
// or leaves it to the next rule.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mr::voice {

// A number as it is written: "1,234.50".
struct Figure {
    std::string digits;   // without commas
    std::string fraction; // behind the point
    bool grouped = false; // has commas
    size_t size = 0;      // bytes it takes
};

// What stands at a place, and how many bytes of the text that is.
struct Said {
    std::string words;
    size_t size = 0;
};

bool is_digit(char c);
bool is_letter(char c); // ASCII
bool is_upper(char c);
char lower(char c);
std::string lower_text(std::string_view text);

std::optional<Figure> figure_at(std::string_view text);
// "k", " million", "M" behind an amount.
Said scale_at(std::string_view text);
// "sq ft", "%", "kWh": its name in the singular or plural. `counted`: behind a number, where units
// of a letter or two are units as well.
Said unit_at(std::string_view text, bool one, bool counted);

// Rules for a place where a word or a number begins. `before` is the word in front, in lower case.
std::optional<Said> say_money(std::string_view text);
std::optional<Said> say_date(std::string_view text);
std::optional<Said> say_time(std::string_view text);
std::optional<Said> say_phone(std::string_view text);
std::optional<Said> say_ordinal(std::string_view text);
std::optional<Said> say_number(std::string_view text, std::string_view before);
std::optional<Said> say_id(std::string_view text);
std::optional<Said> say_month_and_day(std::string_view text);
std::optional<Said> say_acronym(std::string_view text);

} // namespace mr::voice
