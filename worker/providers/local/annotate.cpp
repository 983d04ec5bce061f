#include "worker/providers/local/annotate.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

namespace mr::local {
namespace {

constexpr std::size_t kMaxFuzzyWords = 400;   // of one question; slips further on are not forgiven
constexpr double kFuzzyLikeness = 0.9;        // of a whole name
constexpr std::size_t kMinFuzzyLetters = 6;   // of a name of one word
constexpr std::size_t kMinPartialLetters = 4; // "Harbor" for "Harbor Point"

bool free_window(const Reading& reading, std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) {
        if (reading.covered(i)) {
            return false;
        }
    }
    return true;
}

bool same_words(const Reading& reading, std::size_t first, const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (reading.words[first + i].text != words[i]) {
            return false;
        }
    }
    return true;
}

// A nickname such as "the bridge" needs its article (or a capital), initials their capitals.
bool usable_alias(const Reading& reading, std::size_t first, const Alias& alias) {
    const Word& word = reading.words[first];
    if (alias.kind == "short") {
        return word.all_caps;
    }
    const bool article = alias.alias.starts_with("the ");
    if (!article || alias.words.size() > 1) {
        return true;
    }
    return word.capital || (first > 0 && reading.words[first - 1].text == "the");
}

void add_span(Reading& reading, std::size_t first, std::size_t count, const Term* term) {
    reading.spans.push_back({first, first + count, term == nullptr, term});
}

void add_exact(Reading& reading, const Vocabulary& vocabulary) {
    std::size_t longest = 1;
    for (const Alias& alias : vocabulary.aliases) {
        longest = std::max(longest, alias.words.size());
    }
    for (const Term& term : vocabulary.terms) {
        longest = std::max(longest, term.words.size());
    }
    for (std::size_t count = longest; count > 0; --count) {
        for (std::size_t i = 0; i + count <= reading.words.size(); ++i) {
            if (!free_window(reading, i, count)) {
                continue;
            }
            const bool project = std::any_of(
                vocabulary.aliases.begin(), vocabulary.aliases.end(), [&](const Alias& alias) {
                    return alias.words.size() == count && same_words(reading, i, alias.words) &&
                           usable_alias(reading, i, alias);
                });
            if (project) {
                add_span(reading, i, count, nullptr);
                continue;
            }
            const auto term = std::find_if(
                vocabulary.terms.begin(), vocabulary.terms.end(), [&](const Term& one) {
                    if (one.words.size() != count) {
                        return false;
                    }
                    return same_words(reading, i, one.words) ||
                           (count == 1 && reading.words[i].stem == one.words[0]);
                });
            if (term != vocabulary.terms.end()) {
                add_span(reading, i, count, &*term);
            }
        }
    }
}

bool first_letters_agree(const Reading& reading, std::size_t first,
                         const std::vector<std::string>& words) {
    return reading.words[first].text.front() == words.front().front();
}

bool near_name(const Reading& reading, std::size_t first, std::size_t count,
               const std::vector<std::string>& words) {
    std::string typed;
    std::string intended;
    for (std::size_t i = 0; i < count; ++i) {
        typed += reading.words[first + i].text + " ";
    }
    for (const std::string& word : words) {
        intended += word + " ";
    }
    return name_likeness(typed, intended) >= kFuzzyLikeness;
}

bool ends_on_stop_word(const Reading& reading, std::size_t first, std::size_t count) {
    return is_stop_word(reading.words[first].text) ||
           is_stop_word(reading.words[first + count - 1].text);
}

// Names of several words with slips, or written apart or together.
void add_misspelt(Reading& reading, const Vocabulary& vocabulary) {
    const std::size_t limit = std::min(reading.words.size(), kMaxFuzzyWords);
    const auto matches = [&](std::size_t i, std::size_t count,
                             const std::vector<std::string>& words) {
        const std::size_t gap = count > words.size() ? count - words.size() : words.size() - count;
        return words.size() > 1 && gap <= 1 && first_letters_agree(reading, i, words) &&
               near_name(reading, i, count, words);
    };
    for (std::size_t count = 6; count > 0; --count) {
        for (std::size_t i = 0; i + count <= limit; ++i) {
            if (!free_window(reading, i, count) || ends_on_stop_word(reading, i, count)) {
                continue;
            }
            if (count == 1 && reading.words[i].text.size() < kMinFuzzyLetters) {
                continue;
            }
            const bool project =
                std::any_of(vocabulary.aliases.begin(), vocabulary.aliases.end(),
                            [&](const Alias& alias) { return matches(i, count, alias.words); });
            if (project) {
                add_span(reading, i, count, nullptr);
                continue;
            }
            const auto term =
                std::find_if(vocabulary.terms.begin(), vocabulary.terms.end(),
                             [&](const Term& one) { return matches(i, count, one.words); });
            if (term != vocabulary.terms.end()) {
                add_span(reading, i, count, &*term);
            }
        }
    }
}

bool project_noun(const Word& word) {
    return word.stem == "project" || word.stem == "job" || word.stem == "site";
}

// "Harbor" for "Harbor Point", "Larkspurr" for "Larkspur": one word that begins a project's name.
void add_partial(Reading& reading, const Vocabulary& vocabulary) {
    const std::size_t limit = std::min(reading.words.size(), kMaxFuzzyWords);
    for (std::size_t i = 0; i < limit; ++i) {
        const Word& word = reading.words[i];
        if (reading.covered(i) || word.text.size() < kMinPartialLetters ||
            is_stop_word(word.text)) {
            continue;
        }
        const bool marked = (word.capital && i > 0) ||
                            (i + 1 < reading.words.size() && project_noun(reading.words[i + 1]));
        const bool named = std::any_of(
            vocabulary.aliases.begin(), vocabulary.aliases.end(), [&](const Alias& alias) {
                const std::string& head = alias.words.front();
                if (alias.kind == "short" || alias.kind == "code" ||
                    alias.alias.starts_with("the ")) {
                    return false;
                }
                if (alias.words.size() == 1 && word.text.size() >= kMinFuzzyLetters &&
                    near_word(word.text, head)) {
                    return true;
                }
                return marked && head.size() >= kMinPartialLetters &&
                       (word.text == head || near_word(word.text, head));
            });
        if (named) {
            add_span(reading, i, 1, nullptr);
        }
    }
}

// Nouns a building's name ends with.
bool building_noun(const Word& word) {
    static constexpr std::array<std::string_view, 44> kNouns = {
        "academy", "annex",     "apartment",  "arena",    "bridge",   "building", "campus",
        "center",  "centre",    "clinic",     "college",  "common",   "complex",  "court",
        "depot",   "garage",    "gardens",    "hall",     "hospital", "hotel",    "house",
        "inn",     "lab",       "laboratory", "library",  "loft",     "mall",     "market",
        "museum",  "office",    "park",       "pavilion", "place",    "plant",    "plaza",
        "point",   "residence", "school",     "square",   "stadium",  "station",  "terminal",
        "terrace", "tower"};
    return std::find(kNouns.begin(), kNouns.end(), word.stem) != kNouns.end();
}

bool may_be_in_name(const Reading& reading, std::size_t i) {
    return !reading.covered(i) && reading.words[i].capital &&
           !is_stop_word(reading.words[i].text) && reading.words[i].text.size() > 1 &&
           std::isdigit(static_cast<unsigned char>(reading.words[i].text.front())) == 0;
}

// Words before "project" that are no name: "the largest project", "each school project".
bool describes_projects(const Word& word) {
    static constexpr std::array<std::string_view, 42> kWords = {
        "active",   "another",   "average",  "biggest",  "cancelled", "client",   "completed",
        "current",  "different", "each",     "entire",   "every",     "finished", "first",
        "largest",  "last",      "least",    "most",     "new",       "next",     "no",
        "ongoing",  "open",      "other",    "per",      "planned",   "previous", "project",
        "running",  "same",      "single",   "smallest", "top",       "upcoming", "construction",
        "building", "hold",      "planning", "delayed",  "late",      "whole",    "construction's"};
    return std::find(kWords.begin(), kWords.end(), word.text) != kWords.end() ||
           std::isdigit(static_cast<unsigned char>(word.text.front())) != 0;
}

// "the neptune tower project", in lower case too: the words between article and noun.
void add_named_by_article(const Reading& reading, std::vector<std::string>& names) {
    for (std::size_t i = 1; i < reading.words.size(); ++i) {
        if (reading.words[i].text != "project" && !building_noun(reading.words[i])) {
            continue;
        }
        const bool noun_in_name = reading.words[i].text != "project";
        std::size_t first = i;
        while (first > 0 && i - first < 3 && !reading.covered(first - 1) &&
               !reading.words[first].comma_before && !is_stop_word(reading.words[first - 1].text) &&
               !describes_projects(reading.words[first - 1])) {
            --first;
        }
        const bool article = first > 0 && reading.words[first - 1].text == "the";
        const std::size_t last = noun_in_name ? i + 1 : i;
        const bool capitals = first < i && reading.words[first].capital && first > 0;
        const bool only_nouns =
            std::all_of(reading.words.begin() + static_cast<std::ptrdiff_t>(first),
                        reading.words.begin() + static_cast<std::ptrdiff_t>(i), building_noun);
        if (first == i || (only_nouns && !capitals) || reading.covered(i) ||
            (!article && !capitals) ||
            (noun_in_name && !capitals &&
             (i + 1 >= reading.words.size() || reading.words[i + 1].text != "project"))) {
            continue;
        }
        names.push_back(reading.surface(first, last));
    }
}

// "invoiced on Neptune", "for Orion Heights": capitals behind a preposition.
void add_named_by_capitals(const Reading& reading, std::vector<std::string>& names) {
    for (std::size_t i = 1; i < reading.words.size(); ++i) {
        const std::string& before = reading.words[i - 1].text;
        const bool cue = before == "on" || before == "for" || before == "at" ||
                         before == "project" || before == "of";
        if (!cue || !may_be_in_name(reading, i)) {
            continue;
        }
        std::size_t last = i;
        while (last < reading.words.size() && may_be_in_name(reading, last) &&
               (last == i || !reading.words[last].comma_before)) {
            ++last;
        }
        names.push_back(reading.surface(i, last));
        i = last;
    }
}

} // namespace

bool Reading::covered(std::size_t word) const noexcept {
    return std::any_of(spans.begin(), spans.end(),
                       [word](const Span& span) { return span.covers(word); });
}

std::string Reading::surface(std::size_t first, std::size_t last) const {
    return text.substr(words[first].begin, words[last - 1].end - words[first].begin);
}

Reading read_question(std::string_view text, const Vocabulary& vocabulary) {
    Reading reading;
    reading.text = std::string(text);
    reading.words = split_words(reading.text);
    add_exact(reading, vocabulary);
    add_misspelt(reading, vocabulary);
    add_partial(reading, vocabulary);
    std::sort(reading.spans.begin(), reading.spans.end(),
              [](const Span& a, const Span& b) { return a.first < b.first; });
    return reading;
}

std::vector<std::string> unknown_names(const Reading& reading, bool figures) {
    std::vector<std::string> names;
    add_named_by_article(reading, names);
    if (names.empty() && figures) {
        add_named_by_capitals(reading, names);
    }
    return names;
}

std::vector<ScoredProject> find_projects(std::string_view name, const Vocabulary& vocabulary) {
    constexpr double kPrefixScore = 0.88;
    constexpr double kLeastScore = 0.5;
    std::vector<std::string> words;
    for (const Word& word : split_words(name)) {
        if (word.text != "the" && word.stem != "project") {
            words.push_back(word.text);
        }
    }
    std::map<std::size_t, double> best;
    for (const Alias& alias : vocabulary.aliases) {
        double score = alias.words == words ? 1.0 : 0.0;
        if (score < 1.0 && alias.kind != "short" && alias.kind != "code") {
            score = std::min(name_likeness(name, alias.alias), 0.98);
            const bool begins =
                words.size() == 1 && alias.words.size() > 1 && near_word(words[0], alias.words[0]);
            if (begins && !alias.alias.starts_with("the ")) {
                score = std::max(score,
                                 words[0] == alias.words[0] ? kPrefixScore : kPrefixScore - 0.02);
            }
        }
        double& known = best[alias.project];
        known = std::max(known, score);
    }
    std::vector<ScoredProject> found;
    for (const auto& [project, score] : best) {
        if (score >= kLeastScore) {
            found.push_back({project, score});
        }
    }
    std::sort(found.begin(), found.end(), [](const ScoredProject& a, const ScoredProject& b) {
        return a.score != b.score ? a.score > b.score : a.project < b.project;
    });
    if (found.size() > kMaxCandidates) {
        found.resize(kMaxCandidates);
    }
    return found;
}

} // namespace mr::local
