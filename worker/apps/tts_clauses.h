// A text in the pieces in which it is spoken: the first one short, so that something is heard soon,
// then sentences. Cuts only between words, and never within a code point. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mr {

inline constexpr size_t kFirstClauseBytes = 20; // the first cut comes behind so many, at , ; : too
inline constexpr size_t kLongClauseBytes = 400; // without an end of a sentence: at a blank

// None for a text without a word.
std::vector<std::string> spoken_clauses(std::string_view text);

} // namespace mr
