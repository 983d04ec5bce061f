// How a piece of an answer is worded for the ear: numbers, money, dates, units, ids and acronyms in
// English words, symbols said or left out. Takes plain text (clause_cutter.h has taken the markup
// off); whatever markup is left in it is not said. Pure.
#pragma once

#include <string>
#include <string_view>

namespace mr::voice {

// "$1.2M" is "one point two million dollars". Single blanks, none at the ends; empty: there is
// nothing to be said.
std::string speakable(std::string_view text);

} // namespace mr::voice
