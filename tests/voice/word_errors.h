// Word error rate: how many words of what was said have to be changed, added or taken away to get
// what was heard. Case, punctuation and the way a number is written do not count.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mr::voice {

std::vector<std::string> compared_words(std::string_view text);

size_t word_errors(const std::vector<std::string>& said, const std::vector<std::string>& heard);

} // namespace mr::voice
