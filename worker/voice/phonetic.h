// How words sound, roughly: words that an ear could take for one another have the same key, or
// nearly. English spelling; a-z, anything else is left out. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mr::voice {

// Consonants by what they sound like, any vowels as one 'a'; "beside" and "bayside" are the same.
std::string phonetic_key(std::string_view word);

// Letters inserted, left out, changed or swapped with their neighbour between two words; what is
// beyond `limit` is limit + 1.
size_t edit_distance(std::string_view a, std::string_view b, size_t limit);

} // namespace mr::voice
