// Numbers in English words, as they are said: "1234.5" is "one thousand two hundred thirty four
// point five". Pure; digits come as text, so that no amount loses a digit on the way.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mr::voice {

inline constexpr size_t kMaxSaidDigits = 15; // longer numbers are said digit by digit

// Of digits alone. Leading zeros are kept by saying digit by digit.
std::string cardinal(std::string_view digits);
// With the part behind the point, "" for none.
std::string decimal(std::string_view digits, std::string_view fraction);
std::string digit_by_digit(std::string_view digits);
// 1 to 9999: "twenty first".
std::string ordinal(unsigned number);
// 1000 to 2999: "nineteen ninety five", "two thousand five", "twenty twenty six".
std::string year(unsigned number);
// 1 to 12; empty otherwise.
std::string_view month_name(unsigned month);
// "sep", "sept", "september" in lower case: 9. 0: none.
unsigned month_of(std::string_view lower_word);

} // namespace mr::voice
