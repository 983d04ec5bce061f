// A trigram language model in ARPA text from example sentences: absolute discounting, with back-off
// to bigrams and unigrams. Pure.
// Format: https://cmusphinx.github.io/wiki/arpaformat/
#pragma once

#include <string>
#include <vector>

namespace mr::voice {

// `sentences` are words in lower case with single blanks; without one the model is empty.
std::string arpa_trigrams(const std::vector<std::string>& sentences);

} // namespace mr::voice
