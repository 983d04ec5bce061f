// How words are pronounced, for those that a language model needs: from the dictionary of the
// Debian package where it knows them, put together from two of its words ("seal" + "tight"), or by
// a few rules of spelling. Phones are those of CMUdict, without stress. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mr::voice {

struct SmallDictionary {
    std::string text;                 // lines "word PH ON ES", further pronunciations as "word(2)"
    std::vector<std::string> guessed; // words that went by the rules
};

// `full` is the text of a dictionary in the same format; `words` are in lower case.
SmallDictionary small_dictionary(std::string_view full, const std::vector<std::string>& words);

// Spelling to phones; for a-z.
std::string guessed_phones(std::string_view word);

} // namespace mr::voice
