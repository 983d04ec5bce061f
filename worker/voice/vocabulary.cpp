#include "worker/voice/vocabulary.h"

#include "worker/voice/phonetic.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace mr::voice {
namespace {

constexpr unsigned kCostPerLetter = 1;
constexpr unsigned kCostPerSound = 3;

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

char folded(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// What two words cost when one is taken for the other; nothing when they cannot be. Within a longer
// name, which has more to go by, they may be further apart.
std::optional<unsigned> word_cost(std::string_view heard, std::string_view heard_key,
                                  std::string_view meant, std::string_view meant_key, bool within) {
    if (heard == meant) {
        return 0;
    }
    const size_t length = std::max(heard.size(), meant.size());
    const size_t sounds = edit_distance(heard_key, meant_key, 1);
    const size_t most = sounds == 0 ? length * 45 / 100 : within ? length / 3 : length / 4;
    const size_t letters = edit_distance(heard, meant, most);
    const bool short_word = length < 4;
    if (sounds > 1 || letters > most || (short_word && sounds != 0) ||
        heard_key.substr(0, 1) != meant_key.substr(0, 1)) {
        return std::nullopt;
    }
    return static_cast<unsigned>(letters) * kCostPerLetter +
           static_cast<unsigned>(sounds) * kCostPerSound;
}

} // namespace

std::vector<Vocabulary::Word> Vocabulary::words_of(std::string_view text) {
    std::vector<Word> words;
    for (size_t at = 0; at < text.size() && words.size() < kMaxSnapWords;) {
        if (!is_letter(text[at])) {
            ++at;
            continue;
        }
        Word word;
        word.begin = at;
        // An apostrophe within a word is none of its sounds; a dot behind "St" is.
        while (at < text.size() &&
               (is_letter(text[at]) ||
                (text[at] == '\'' && at + 1 < text.size() && is_letter(text[at + 1])))) {
            if (text[at] != '\'') {
                word.folded += folded(text[at]);
            }
            ++at;
        }
        word.end = at;
        if (word.folded == "st") {
            word.folded = "saint"; // as it is spoken
        }
        word.key = phonetic_key(word.folded);
        words.push_back(std::move(word));
    }
    return words;
}

Vocabulary::Vocabulary(const std::vector<std::string>& names) {
    for (const std::string& written : names) {
        Name name;
        name.written = written;
        for (Word& word : words_of(written)) {
            name.joined += word.folded;
            name.words.push_back(std::move(word.folded));
            name.keys.push_back(std::move(word.key));
        }
        name.joined_key = phonetic_key(name.joined);
        name.capital = std::ranges::any_of(written, [](char c) { return c >= 'A' && c <= 'Z'; });
        const bool known = std::ranges::any_of(
            names_, [&](const Name& other) { return other.words == name.words; });
        if (!name.words.empty() && name.words.size() <= kMaxNameWords && !known &&
            names_.size() < kMaxNames) {
            names_.push_back(std::move(name));
        }
    }
}

bool Vocabulary::fits(const Name& name, const std::vector<Word>& words, size_t at, size_t count,
                      unsigned& cost) const {
    if (count != name.words.size()) {
        return count != 0 && fits_joined(name, words, at, count, cost);
    }
    size_t right = 0;
    bool everyday = false; // a word of everyday English would be changed
    cost = 0;
    for (size_t i = 0; i < count; ++i) {
        const Word& heard = words[at + i];
        const auto one = word_cost(heard.folded, heard.key, name.words[i], name.keys[i], count > 1);
        if (!one) {
            return false;
        }
        cost += *one;
        right += *one == 0 ? 1 : 0;
        everyday = everyday || (*one != 0 && is_common_word(heard.folded));
    }
    if (right == count) {
        return true;
    }
    if (count == 1) {
        return !everyday && name.words[0].size() >= kMinSingleLetters;
    }
    // In a longer name one wrong word is carried by the right ones; two must both be strange.
    return right + 1 == count || !everyday;
}

// "bay side terrace", "sealtight" for "Seal Tight": the blanks are elsewhere.
bool Vocabulary::fits_joined(const Name& name, const std::vector<Word>& words, size_t at,
                             size_t count, unsigned& cost) {
    std::string joined;
    bool everyday = true;
    for (size_t i = 0; i < count; ++i) {
        joined += words[at + i].folded;
        everyday = everyday && is_common_word(words[at + i].folded);
    }
    const auto one = word_cost(joined, phonetic_key(joined), name.joined, name.joined_key, false);
    // One letter more or less, unless all of it are everyday words: then not even that.
    if (!one || *one > (everyday ? 0U : 4U) || name.joined.size() < kMinSingleLetters) {
        return false;
    }
    cost = *one + kCostPerLetter;
    return true;
}

Vocabulary::Match Vocabulary::best_at(const std::vector<Word>& words, size_t at) const {
    Match best;
    for (const Name& name : names_) {
        const size_t least = name.words.size() > 1 ? name.words.size() - 1 : 1;
        for (size_t count = least; count <= name.words.size() + 1; ++count) {
            unsigned cost = 0;
            if (at + count > words.size() || !fits(name, words, at, count, cost)) {
                continue;
            }
            const bool longer = count > best.words;
            const bool same = best.name != nullptr && count == best.words;
            if (longer || (same && cost < best.cost)) {
                best = Match{&name, count, cost, false};
            } else if (same && cost == best.cost && best.name != &name && cost != 0) {
                best.tied = true;
            }
        }
    }
    return best;
}

std::string Vocabulary::snap(std::string_view text) const {
    const std::vector<Word> words = words_of(text);
    std::string snapped;
    size_t copied = 0;
    for (size_t at = 0; at < words.size();) {
        const Match match = best_at(words, at);
        if (match.name == nullptr || match.tied || (match.cost == 0 && !match.name->capital)) {
            ++at;
            continue;
        }
        snapped += text.substr(copied, words[at].begin - copied);
        snapped += match.name->written;
        copied = words[at + match.words - 1].end;
        at += match.words;
    }
    snapped += text.substr(copied);
    return snapped;
}

} // namespace mr::voice
