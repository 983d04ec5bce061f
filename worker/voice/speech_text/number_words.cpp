#include "worker/voice/speech_text/number_words.h"

#include <array>
#include <vector>

namespace mr::voice {
namespace {

constexpr std::array<std::string_view, 20> kOnes{
    "zero",     "one",     "two",     "three",     "four",     "five",    "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array<std::string_view, 10> kTens{"",      "",      "twenty",  "thirty", "forty",
                                                 "fifty", "sixty", "seventy", "eighty", "ninety"};
constexpr std::array<std::string_view, 5> kScales{"", " thousand", " million", " billion",
                                                  " trillion"};
constexpr std::array<std::string_view, 12> kMonths{"January",   "February", "March",    "April",
                                                   "May",       "June",     "July",     "August",
                                                   "September", "October",  "November", "December"};

std::string below_hundred(unsigned number) {
    if (number < kOnes.size()) {
        return std::string(kOnes[number]);
    }
    std::string words(kTens[number / 10]);
    if (number % 10 != 0) {
        words += " ";
        words += kOnes[number % 10];
    }
    return words;
}

std::string below_thousand(unsigned number) {
    if (number < 100) {
        return below_hundred(number);
    }
    std::string words = std::string(kOnes[number / 100]) + " hundred";
    if (number % 100 != 0) {
        words += " " + below_hundred(number % 100);
    }
    return words;
}

std::string words_of(uint64_t number) {
    if (number == 0) {
        return std::string(kOnes[0]);
    }
    std::vector<unsigned> groups;
    for (; number > 0; number /= 1000) {
        groups.push_back(static_cast<unsigned>(number % 1000));
    }
    std::string words;
    for (size_t at = groups.size(); at-- > 0;) {
        if (groups[at] != 0) {
            words += (words.empty() ? "" : " ") + below_thousand(groups[at]);
            words += kScales[at];
        }
    }
    return words;
}

} // namespace

std::string digit_by_digit(std::string_view digits) {
    std::string words;
    for (const char digit : digits) {
        words += words.empty() ? "" : " ";
        words += kOnes[static_cast<size_t>(digit - '0')];
    }
    return words;
}

std::string cardinal(std::string_view digits) {
    if (digits.size() > kMaxSaidDigits || (digits.size() > 1 && digits[0] == '0')) {
        return digit_by_digit(digits);
    }
    uint64_t number = 0;
    for (const char digit : digits) {
        number = number * 10 + static_cast<uint64_t>(digit - '0');
    }
    return words_of(number);
}

std::string decimal(std::string_view digits, std::string_view fraction) {
    const std::string whole = cardinal(digits);
    return fraction.empty() ? whole : whole + " point " + digit_by_digit(fraction);
}

std::string ordinal(unsigned number) {
    static constexpr std::array<std::string_view, 13> kFirst{
        "zeroth",  "first",  "second", "third", "fourth",   "fifth",  "sixth",
        "seventh", "eighth", "ninth",  "tenth", "eleventh", "twelfth"};
    std::string words = words_of(number);
    const size_t blank = words.rfind(' ');
    const size_t from = blank == std::string::npos ? 0 : blank + 1;
    const std::string last = words.substr(from);
    for (size_t at = 0; at < kFirst.size(); ++at) {
        if (last == kOnes[at]) {
            return words.substr(0, from) + std::string(kFirst[at]);
        }
    }
    if (words.back() == 'y') {
        words.pop_back();
        return words + "ieth";
    }
    return words + "th";
}

std::string year(unsigned number) {
    const unsigned century = number / 100;
    const unsigned rest = number % 100;
    if (century == 20 && rest < 10) {
        return words_of(number);
    }
    if (rest == 0) {
        return century % 10 == 0 ? words_of(number) : below_hundred(century) + " hundred";
    }
    return below_hundred(century) + (rest < 10 ? " oh " : " ") + below_hundred(rest);
}

std::string_view month_name(unsigned month) {
    return month >= 1 && month <= kMonths.size() ? kMonths[month - 1] : std::string_view();
}

unsigned month_of(std::string_view lower_word) {
    if (lower_word.size() < 3) {
        return 0;
    }
    for (size_t at = 0; at < kMonths.size(); ++at) {
        const std::string_view name = kMonths[at];
        const bool usual = lower_word.size() == 3 || lower_word.size() == name.size() ||
                           (lower_word == "sept" && at == 8);
        const bool same = lower_word.size() <= name.size() &&
                          lower_word.substr(1) == name.substr(1, lower_word.size() - 1);
        if (usual && same && (lower_word[0] | 0x20) == (name[0] | 0x20)) {
            return static_cast<unsigned>(at + 1);
        }
    }
    return 0;
}

} // namespace mr::voice
