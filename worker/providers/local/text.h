// Words of a question or a name: splitting, folding, stemming, likeness. Pure functions over UTF-8;
// letters outside ASCII are kept as they are except for Latin accents, which are dropped.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mr::local {

struct Word {
    std::string text;      // lower case, accents dropped, possessive 's removed
    std::string stem;      // text without plural ending
    std::size_t begin = 0; // byte range in the original
    std::size_t end = 0;
    bool capital = false;      // begins with an upper-case letter
    bool all_caps = false;     // two letters or more, all upper case
    bool comma_before = false; // a comma, stop or the like stands between it and the last one
};

inline constexpr std::size_t kMaxWords = 2'000; // of one question; the rest is not read

// Letters, digits and inner marks ("mr-24-001", "st.", "1.5", "$250k", "50%") make words.
std::vector<Word> split_words(std::string_view text);

std::string stem_of(std::string_view lower_word);

// Lower case, accents dropped, words joined by single spaces.
std::string folded(std::string_view text);

// Edits (insert, delete, replace, swap of neighbours) between two words, at most `limit` + 1.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

// 0..1, 1 for equal words; high for words with a common beginning (Jaro-Winkler).
double jaro_winkler(std::string_view a, std::string_view b);

// Likeness of two names, 0..1, as the share of words that have a counterpart, each by its own
// likeness. Order matters little; "the", "project" and the like not at all.
double name_likeness(std::string_view a, std::string_view b);

// True when a typed word may well be the intended one with a slip: 1 edit from 5 letters, 2 from 8.
bool near_word(std::string_view typed, std::string_view intended);

bool is_stop_word(std::string_view lower_word);

} // namespace mr::local
