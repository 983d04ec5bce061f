#include "worker/voice/pocketsphinx/dictionary.h"

#include <algorithm>
#include <unordered_map>

namespace mr::voice {
namespace {

constexpr size_t kMinPartLetters = 3; // of a word that is a part of another

using Pronunciations = std::unordered_map<std::string_view, std::vector<std::string_view>>;

Pronunciations read(std::string_view full) {
    Pronunciations known;
    while (!full.empty()) {
        const size_t end = std::min(full.find('\n'), full.size());
        const std::string_view line = full.substr(0, end);
        full.remove_prefix(std::min(end + 1, full.size()));
        const size_t blank = line.find(' ');
        if (blank == std::string_view::npos) {
            continue;
        }
        // "word(2)" is a further pronunciation of it.
        const std::string_view word = line.substr(0, std::min(blank, line.find('(')));
        known[word].push_back(line.substr(blank + 1));
    }
    return known;
}

struct Rule {
    std::string_view letters;
    std::string_view phones;
};

// The longer ones first.
constexpr Rule kRules[] = {
    {"ough", "AO"},  {"tion", "SH AH N"}, {"eigh", "EY"},  {"igh", "AY"},     {"air", "EH R"},
    {"ear", "IH R"}, {"eer", "IH R"},     {"oor", "AO R"}, {"our", "AO R"},   {"tch", "CH"},
    {"dge", "JH"},   {"ing", "IH NG"},    {"all", "AO L"}, {"old", "OW L D"}, {"ck", "K"},
    {"ch", "CH"},    {"sh", "SH"},        {"th", "TH"},    {"ph", "F"},       {"wh", "W"},
    {"wr", "R"},     {"kn", "N"},         {"gh", "G"},     {"qu", "K W"},     {"ng", "NG"},
    {"ee", "IY"},    {"ea", "IY"},        {"oo", "UW"},    {"ou", "AW"},      {"ow", "OW"},
    {"oa", "OW"},    {"ai", "EY"},        {"ay", "EY"},    {"oi", "OY"},      {"oy", "OY"},
    {"au", "AO"},    {"aw", "AO"},        {"ew", "UW"},    {"ie", "IY"},      {"ei", "IY"},
    {"ar", "AA R"},  {"er", "ER"},        {"ir", "ER"},    {"or", "AO R"},    {"ur", "ER"},
    {"ce", "S"},     {"ci", "S IH"},      {"ge", "JH"},    {"x", "K S"},      {"a", "AE"},
    {"b", "B"},      {"c", "K"},          {"d", "D"},      {"e", "EH"},       {"f", "F"},
    {"g", "G"},      {"h", "HH"},         {"i", "IH"},     {"j", "JH"},       {"k", "K"},
    {"l", "L"},      {"m", "M"},          {"n", "N"},      {"o", "AA"},       {"p", "P"},
    {"q", "K"},      {"r", "R"},          {"s", "S"},      {"t", "T"},        {"u", "AH"},
    {"v", "V"},      {"w", "W"},          {"y", "IY"},     {"z", "Z"},
};

// "bayside" as "bay" and "side"; the halves as equal as may be.
std::string compound(const Pronunciations& known, std::string_view word) {
    std::string best;
    size_t best_shorter = 0;
    for (size_t cut = kMinPartLetters; cut + kMinPartLetters <= word.size(); ++cut) {
        const auto first = known.find(word.substr(0, cut));
        const auto second = known.find(word.substr(cut));
        const size_t shorter = std::min(cut, word.size() - cut);
        if (first != known.end() && second != known.end() && shorter > best_shorter) {
            best_shorter = shorter;
            best = std::string(first->second[0]) + " " + std::string(second->second[0]);
        }
    }
    return best;
}

void add_line(std::string& text, std::string_view word, size_t variant, std::string_view phones) {
    text += word;
    if (variant > 1) {
        text += "(" + std::to_string(variant) + ")";
    }
    text += ' ';
    text += phones;
    text += '\n';
}

} // namespace

std::string guessed_phones(std::string_view word) {
    std::string phones;
    for (size_t at = 0; at < word.size();) {
        const std::string_view rest = word.substr(at);
        const bool doubled =
            rest.size() > 1 && rest[0] == rest[1] && rest[0] != 'e' && rest[0] != 'o';
        const bool silent = rest == "e" && phones.size() > 2;
        const auto* rule = std::ranges::find_if(
            kRules, [&](const Rule& candidate) { return rest.starts_with(candidate.letters); });
        if (doubled || silent || rule == std::end(kRules)) {
            ++at;
            continue;
        }
        phones += phones.empty() ? "" : " ";
        phones += rule->phones;
        at += rule->letters.size();
    }
    return phones;
}

SmallDictionary small_dictionary(std::string_view full, const std::vector<std::string>& words) {
    const Pronunciations known = read(full);
    SmallDictionary small;
    for (const std::string& word : words) {
        const auto entry = known.find(word);
        if (entry != known.end()) {
            size_t variant = 0;
            for (const std::string_view phones : entry->second) {
                add_line(small.text, word, ++variant, phones);
            }
            continue;
        }
        std::string phones = compound(known, word);
        if (phones.empty()) {
            phones = guessed_phones(word);
            small.guessed.push_back(word);
        }
        if (!phones.empty()) {
            add_line(small.text, word, 1, phones);
        }
    }
    return small;
}

} // namespace mr::voice
