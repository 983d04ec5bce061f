#include "worker/providers/local/text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <utility>

namespace mr::local {
namespace {

// Latin-1 Supplement letters U+00C0..U+00FF without their accents; "" where there is no plain form.
constexpr std::array<std::string_view, 64> kPlain = {
    "A", "A", "A", "A", "A", "A", "AE", "C", "E", "E", "E", "E", "I", "I", "I", "I",
    "D", "N", "O", "O", "O", "O", "O",  "",  "O", "U", "U", "U", "U", "Y", "",  "ss",
    "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i",
    "d", "n", "o", "o", "o", "o", "o",  "",  "o", "u", "u", "u", "u", "y", "",  "y"};

bool is_letter_or_digit(unsigned char c) {
    return std::isalnum(c) != 0 || c >= 0x80;
}

// Length of the punctuation mark U+2010..U+201F (dashes, curly quotes) at `at`, else 0.
std::size_t general_punctuation(std::string_view text, std::size_t at) {
    if (at + 2 < text.size() && static_cast<unsigned char>(text[at]) == 0xE2 &&
        static_cast<unsigned char>(text[at + 1]) == 0x80) {
        return 3;
    }
    return 0;
}

// Inside a word: the mark joins two parts ("mr-24-001", "1.5", "o'neil", "1,200").
bool joins(std::string_view text, std::size_t at) {
    if (at == 0 || at + 1 >= text.size()) {
        return false;
    }
    const auto before = static_cast<unsigned char>(text[at - 1]);
    const auto after = static_cast<unsigned char>(text[at + 1]);
    switch (text[at]) {
    case '\'':
    case '&':
        return std::isalnum(before) != 0 && std::isalnum(after) != 0;
    case '-':
        return std::isalnum(before) != 0 && std::isdigit(after) != 0;
    case '.':
    case ',':
        return std::isdigit(before) != 0 && std::isdigit(after) != 0;
    default:
        return false;
    }
}

std::string fold_bytes(std::string_view raw) {
    std::string out;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        const auto c = static_cast<unsigned char>(raw[i]);
        if (c == 0xC3 && i + 1 < raw.size()) {
            const auto next = static_cast<unsigned char>(raw[i + 1]);
            if (next >= 0x80 && next < 0xC0) {
                for (const char plain : kPlain[next - 0x80U]) {
                    out += static_cast<char>(std::tolower(static_cast<unsigned char>(plain)));
                }
                ++i;
                continue;
            }
        }
        out += c < 0x80 ? static_cast<char>(std::tolower(c)) : raw[i];
    }
    return out;
}

Word make_word(std::string_view text, std::size_t begin, std::size_t end) {
    const std::string_view raw = text.substr(begin, end - begin);
    Word word;
    word.begin = begin;
    word.end = end;
    word.text = fold_bytes(raw);
    if (word.text.size() > 2 && word.text.ends_with("'s")) {
        word.text.resize(word.text.size() - 2);
    }
    word.stem = stem_of(word.text);
    word.capital = std::isupper(static_cast<unsigned char>(raw.front())) != 0;
    const auto upper = [](char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; };
    word.all_caps = raw.size() >= 2 && std::all_of(raw.begin(), raw.end(), upper);
    return word;
}

bool ignorable_in_names(std::string_view word) {
    return word == "the" || word == "project" || word == "projects" || word == "of" ||
           word == "at" || word == "job" || word == "site";
}

std::vector<std::string> name_words(std::string_view name) {
    std::vector<std::string> words;
    for (Word& word : split_words(name)) {
        if (!ignorable_in_names(word.text)) {
            words.push_back(word.text == "street"  ? "st"
                            : word.text == "saint" ? "st"
                                                   : std::move(word.text));
        }
    }
    return words;
}

} // namespace

std::vector<Word> split_words(std::string_view text) {
    std::vector<Word> words;
    bool comma = false;
    std::size_t i = 0;
    while (i < text.size() && words.size() < kMaxWords) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (const std::size_t mark = general_punctuation(text, i); mark > 0) {
            i += mark;
            continue;
        }
        if (!is_letter_or_digit(c) && c != '$') {
            comma = comma || c == ',' || c == '.' || c == '?' || c == ';' || c == '!' || c == ':';
            ++i;
            continue;
        }
        const std::size_t begin = i++;
        while (i < text.size() && general_punctuation(text, i) == 0 &&
               (is_letter_or_digit(static_cast<unsigned char>(text[i])) || joins(text, i))) {
            ++i;
        }
        if (i < text.size() && text[i] == '%') {
            ++i;
        }
        Word word = make_word(text, begin, i);
        word.comma_before = std::exchange(comma, false);
        words.push_back(std::move(word));
    }
    return words;
}

std::string stem_of(std::string_view word) {
    const auto ends = [&](std::string_view tail) { return word.ends_with(tail); };
    if (word.size() > 4 && ends("ies")) {
        return std::string(word.substr(0, word.size() - 3)) + "y";
    }
    if (word.size() > 4 && (ends("sses") || ends("ches") || ends("shes") || ends("xes"))) {
        return std::string(word.substr(0, word.size() - 2));
    }
    if (word.size() > 3 && ends("s") && !ends("ss") && !ends("us") && !ends("is")) {
        return std::string(word.substr(0, word.size() - 1));
    }
    return std::string(word);
}

std::string folded(std::string_view text) {
    std::string out;
    for (const Word& word : split_words(text)) {
        out += out.empty() ? "" : " ";
        out += word.text;
    }
    return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
    const std::size_t gap = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
    if (gap > limit || a.size() > 64 || b.size() > 64) {
        return a == b ? 0 : limit + 1;
    }
    std::array<std::array<std::size_t, 65>, 3> rows{}; // two back, last, present
    for (std::size_t j = 0; j <= b.size(); ++j) {
        rows[1][j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        rows[2][0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = rows[1][j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
            rows[2][j] = std::min({rows[1][j] + 1, rows[2][j - 1] + 1, change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                rows[2][j] = std::min(rows[2][j], rows[0][j - 2] + 1);
            }
        }
        rows[0] = rows[1];
        rows[1] = rows[2];
    }
    return std::min(rows[1][b.size()], limit + 1);
}

double jaro_winkler(std::string_view a, std::string_view b) {
    if (a == b) {
        return 1.0;
    }
    if (a.empty() || b.empty() || a.size() > 64 || b.size() > 64) {
        return 0.0;
    }
    const std::size_t longest = std::max(a.size(), b.size());
    const std::size_t window = longest < 4 ? 0 : longest / 2 - 1;
    std::uint64_t used = 0; // bit j: b[j] is matched
    std::array<char, 64> matched_a{};
    std::size_t matches = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const std::size_t from = i > window ? i - window : 0;
        const std::size_t to = std::min(b.size(), i + window + 1);
        for (std::size_t j = from; j < to; ++j) {
            if ((used >> j & 1U) == 0 && a[i] == b[j]) {
                used |= std::uint64_t{1} << j;
                matched_a[matches++] = a[i];
                break;
            }
        }
    }
    if (matches == 0) {
        return 0.0;
    }
    std::size_t swapped = 0;
    for (std::size_t j = 0, k = 0; j < b.size(); ++j) {
        if ((used >> j & 1U) != 0) {
            swapped += matched_a[k++] != b[j] ? 1U : 0U;
        }
    }
    const auto m = static_cast<double>(matches);
    const double jaro = (m / static_cast<double>(a.size()) + m / static_cast<double>(b.size()) +
                         (m - static_cast<double>(swapped) / 2.0) / m) /
                        3.0;
    std::size_t prefix = 0;
    while (prefix < std::min({a.size(), b.size(), std::size_t{4}}) && a[prefix] == b[prefix]) {
        ++prefix;
    }
    return jaro + static_cast<double>(prefix) * 0.1 * (1.0 - jaro);
}

double name_likeness(std::string_view a, std::string_view b) {
    constexpr double kCounterpart = 0.8; // below, two words are different words
    const std::vector<std::string> left = name_words(a);
    std::vector<std::string> right = name_words(b);
    if (left.empty() || right.empty()) {
        return 0.0;
    }
    std::string joined_left;
    std::string joined_right;
    for (const std::string& word : left) {
        joined_left += word;
    }
    for (const std::string& word : right) {
        joined_right += word;
    }
    const auto words = static_cast<double>(std::max(left.size(), right.size()));
    double sum = 0;
    for (const std::string& word : left) {
        auto best = right.end();
        double best_likeness = 0;
        for (auto it = right.begin(); it != right.end(); ++it) {
            const double likeness = jaro_winkler(word, *it);
            if (likeness > best_likeness) {
                best_likeness = likeness;
                best = it;
            }
        }
        // Numbers are codes: another digit is another thing.
        const bool number = std::any_of(word.begin(), word.end(),
                                        [](unsigned char c) { return std::isdigit(c) != 0; });
        if (best != right.end() && best_likeness >= (number ? 1.0 : kCounterpart)) {
            sum += best_likeness;
            right.erase(best);
        }
    }
    // "Bay View" and "Bayview", "Salt Marsh" and "Saltmarsh".
    const double together = joined_left == joined_right ? 0.99 : 0.0;
    return std::max(sum / words, together);
}

bool near_word(std::string_view typed, std::string_view intended) {
    if (typed == intended) {
        return true;
    }
    if (intended.size() < 5 || typed.size() < 4 || typed.front() != intended.front()) {
        return false;
    }
    const std::size_t limit = intended.size() >= 8 ? 2 : 1;
    return edit_distance(typed, intended, limit) <= limit;
}

bool is_stop_word(std::string_view word) {
    static constexpr std::array kStopWords = {
        "a",   "about", "all",  "also",   "am",    "an",    "and",   "any",   "are",   "as",
        "at",  "be",    "been", "but",    "by",    "can",   "could", "did",   "do",    "does",
        "for", "from",  "get",  "give",   "had",   "has",   "have",  "he",    "her",   "his",
        "how", "i",     "if",   "in",     "is",    "it",    "its",   "just",  "let",   "many",
        "me",  "much",  "my",   "of",     "on",    "or",    "our",   "out",   "over",  "please",
        "say", "says",  "she",  "should", "show",  "so",    "some",  "tell",  "than",  "that",
        "the", "their", "them", "then",   "there", "these", "they",  "this",  "those", "to",
        "us",  "was",   "we",   "were",   "what",  "when",  "where", "which", "who",   "whose",
        "why", "will",  "with", "would",  "you",   "your"};
    return std::find(kStopWords.begin(), kStopWords.end(), word) != kStopWords.end();
}

} // namespace mr::local
