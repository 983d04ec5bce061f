#include "worker/voice/phonetic.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace mr::voice {
namespace {

struct Rule {
    std::string_view letters;
    std::string_view sound;
};

// Tried in order at each place: the longer ones first. Upper case: a sound of two letters.
constexpr Rule kRules[] = {
    {"ough", "af"}, {"tion", "San"}, {"sion", "San"}, {"cian", "San"}, {"tch", "C"}, {"sch", "sk"},
    {"dge", "j"},   {"ght", "t"},    {"ph", "f"},     {"gh", ""},      {"ck", "k"},  {"ch", "C"},
    {"sh", "S"},    {"th", "T"},     {"wh", "w"},     {"wr", "r"},     {"kn", "n"},  {"qu", "kw"},
    {"ce", "sa"},   {"ci", "sa"},    {"cy", "sa"},    {"ge", "ja"},    {"x", "ks"},  {"c", "k"},
    {"q", "k"},     {"z", "s"},      {"v", "f"},      {"h", ""},
};

bool is_vowel(char c) {
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

// Without a silent e: at the end, behind a consonant, which it may have made soft.
std::string without_silent_e(std::string_view word) {
    std::string letters(word);
    if (letters.size() > 3 && letters.back() == 'e' && !is_vowel(letters[letters.size() - 2])) {
        letters.pop_back();
        char& last = letters.back();
        last = last == 'c' ? 's' : last == 'g' ? 'j' : last;
    }
    return letters;
}

void add_sound(std::string& key, char sound) {
    if (key.empty() || key.back() != sound) {
        key += sound;
    }
}

} // namespace

std::string phonetic_key(std::string_view word) {
    const std::string letters = without_silent_e(word);
    std::string key;
    for (size_t at = 0; at < letters.size();) {
        const std::string_view rest = std::string_view(letters).substr(at);
        const auto* rule = std::ranges::find_if(
            kRules, [&](const Rule& candidate) { return rest.starts_with(candidate.letters); });
        if (rule != std::end(kRules)) {
            for (const char sound : rule->sound) {
                add_sound(key, sound);
            }
            at += rule->letters.size();
        } else {
            const char c = letters[at++];
            // y in front of a vowel and w are consonants; other vowels are one sound.
            if (is_vowel(c)) {
                add_sound(key, 'a');
            } else if (c >= 'a' && c <= 'z') {
                add_sound(key, c);
            }
        }
    }
    return key;
}

size_t edit_distance(std::string_view a, std::string_view b, size_t limit) {
    const size_t longer = std::max(a.size(), b.size());
    if (longer - std::min(a.size(), b.size()) > limit) {
        return limit + 1;
    }
    std::array<std::vector<size_t>, 3> rows;
    rows.fill(std::vector<size_t>(b.size() + 1));
    for (size_t j = 0; j <= b.size(); ++j) {
        rows[1][j] = j;
    }
    for (size_t i = 1; i <= a.size(); ++i) {
        auto& row = rows[2];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t change = rows[1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({change, rows[1][j] + 1, row[j - 1] + 1});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) {
                row[j] = std::min(row[j], rows[0][j - 2] + 1);
            }
        }
        std::swap(rows[0], rows[1]);
        std::swap(rows[1], rows[2]);
    }
    return std::min(rows[1][b.size()], limit + 1);
}

} // namespace mr::voice
