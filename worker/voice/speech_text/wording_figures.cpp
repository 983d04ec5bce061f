#include "worker/voice/speech_text/number_words.h"
#include "worker/voice/speech_text/wording.h"

#include <array>

namespace mr::voice {
namespace {

struct Unit {
    std::string_view written; // in lower case; "." and blanks as they stand
    std::string_view one;
    std::string_view many;
    bool only_counted; // else it is said wherever it stands
};

// The longer of two that begin alike comes first.
constexpr std::array kUnits{
    Unit{"sq. ft.", "square foot", "square feet", false},
    Unit{"sq. ft", "square foot", "square feet", false},
    Unit{"sq ft", "square foot", "square feet", false},
    Unit{"sq. yd.", "square yard", "square yards", false},
    Unit{"sq yd", "square yard", "square yards", false},
    Unit{"sqft", "square foot", "square feet", false},
    Unit{"sf", "square foot", "square feet", true},
    Unit{"ft\xC2\xB2", "square foot", "square feet", false},
    Unit{"ft2", "square foot", "square feet", true},
    Unit{"m\xC2\xB2", "square meter", "square meters", false},
    Unit{"lin. ft.", "linear foot", "linear feet", false},
    Unit{"ft.", "foot", "feet", true},
    Unit{"ft", "foot", "feet", true},
    Unit{"in.", "inch", "inches", true},
    Unit{"yd", "yard", "yards", true},
    Unit{"yds", "yard", "yards", true},
    Unit{"mi", "mile", "miles", true},
    Unit{"mph", "mile per hour", "miles per hour", true},
    Unit{"kwh", "kilowatt hour", "kilowatt hours", false},
    Unit{"mwh", "megawatt hour", "megawatt hours", false},
    Unit{"kw", "kilowatt", "kilowatts", true},
    Unit{"mw", "megawatt", "megawatts", true},
    Unit{"lbs.", "pound", "pounds", true},
    Unit{"lbs", "pound", "pounds", true},
    Unit{"lb.", "pound", "pounds", true},
    Unit{"lb", "pound", "pounds", true},
    Unit{"oz", "ounce", "ounces", true},
    Unit{"gal.", "gallon", "gallons", true},
    Unit{"gal", "gallon", "gallons", true},
    Unit{"psi", "pound per square inch", "pounds per square inch", true},
    Unit{"hrs", "hour", "hours", true},
    Unit{"hr", "hour", "hours", true},
    Unit{"mins", "minute", "minutes", true},
    Unit{"min", "minute", "minutes", true},
    Unit{"secs", "second", "seconds", true},
    Unit{"sec", "second", "seconds", true},
    Unit{"ms", "millisecond", "milliseconds", true},
    Unit{"yrs", "year", "years", true},
    Unit{"yr", "year", "years", true},
    Unit{"mo", "month", "months", true},
    Unit{"km", "kilometer", "kilometers", true},
    Unit{"cm", "centimeter", "centimeters", true},
    Unit{"mm", "millimeter", "millimeters", true},
    Unit{"kg", "kilogram", "kilograms", true},
    Unit{"m", "meter", "meters", true},
    Unit{"h", "hour", "hours", true},
    Unit{"\xC2\xB0"
         "f",
         "degree Fahrenheit", "degrees Fahrenheit", true},
    Unit{"\xC2\xB0"
         "c",
         "degree Celsius", "degrees Celsius", true},
    Unit{"\xC2\xB0", "degree", "degrees", true},
    Unit{"%", "percent", "percent", true},
};

struct Scale {
    std::string_view written;
    std::string_view said;
};

constexpr std::array kScales{
    Scale{" thousand", "thousand"}, Scale{" million", "million"}, Scale{" billion", "billion"},
    Scale{" trillion", "trillion"}, Scale{"bn", "billion"},       Scale{"mm", "million"},
    Scale{"k", "thousand"},         Scale{"m", "million"},        Scale{"b", "billion"},
    Scale{"t", "trillion"},
};

bool starts_with_any_case(std::string_view text, std::string_view start) {
    return text.size() >= start.size() && lower_text(text.substr(0, start.size())) == start;
}

bool ends_word(std::string_view text, size_t at) {
    return at >= text.size() || (!is_letter(text[at]) && !is_digit(text[at]));
}

} // namespace

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_letter(char c) {
    return is_upper(c) || (c >= 'a' && c <= 'z');
}
char lower(char c) {
    return is_upper(c) ? static_cast<char>(c | 0x20) : c;
}
std::string lower_text(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = lower(c);
    }
    return out;
}

std::optional<Figure> figure_at(std::string_view text) {
    Figure figure;
    size_t at = 0;
    while (at < text.size() && is_digit(text[at])) {
        figure.digits += text[at++];
    }
    if (at == 0) {
        return std::nullopt;
    }
    const auto group = [&text](size_t comma) {
        return comma + 3 < text.size() && text[comma] == ',' && is_digit(text[comma + 1]) &&
               is_digit(text[comma + 2]) && is_digit(text[comma + 3]) &&
               (comma + 4 >= text.size() || !is_digit(text[comma + 4]));
    };
    while (figure.digits.size() - (figure.grouped ? 3 : 0) > 0 && group(at) &&
           (figure.grouped || at <= 3)) {
        figure.digits += text.substr(at + 1, 3);
        figure.grouped = true;
        at += 4;
    }
    if (at + 1 < text.size() && text[at] == '.' && is_digit(text[at + 1])) {
        for (++at; at < text.size() && is_digit(text[at]); ++at) {
            figure.fraction += text[at];
        }
    }
    figure.size = at;
    return figure;
}

Said scale_at(std::string_view text) {
    for (const Scale& scale : kScales) {
        if (starts_with_any_case(text, scale.written) && ends_word(text, scale.written.size())) {
            return {std::string(scale.said), scale.written.size()};
        }
    }
    return {};
}

Said unit_at(std::string_view text, bool one, bool counted) {
    const size_t blank = counted && text.starts_with(' ') ? 1 : 0;
    const std::string_view rest = text.substr(blank);
    for (const Unit& unit : kUnits) {
        if ((unit.only_counted && !counted) || !starts_with_any_case(rest, unit.written)) {
            continue;
        }
        const bool word = is_letter(unit.written.back()) || is_digit(unit.written.back());
        if (!word || ends_word(rest, unit.written.size())) {
            return {std::string(one ? unit.one : unit.many), blank + unit.written.size()};
        }
    }
    return {};
}

} // namespace mr::voice
