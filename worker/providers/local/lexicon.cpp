#include "worker/providers/local/lexicon.h"

#include "worker/providers/local/lexicon_figures.h"
#include "worker/providers/local/lexicon_talk.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

namespace mr::local {
namespace {

std::vector<std::string> split_stems(std::string_view words) {
    std::vector<std::string> stems;
    for (std::size_t begin = 0; begin < words.size();) {
        const std::size_t end = std::min(words.find(' ', begin), words.size());
        stems.push_back(stem_of(words.substr(begin, end - begin)));
        begin = end + 1;
    }
    return stems;
}

struct Matcher {
    const LexiconEntry* entry;
    std::vector<std::string> stems;
};

// Longest first; within one length in the order of the table.
const std::vector<Matcher>& matchers() {
    static const std::vector<Matcher> all = [] {
        std::vector<Matcher> list;
        const auto add = [&](std::span<const LexiconEntry> entries, std::size_t size) {
            for (const LexiconEntry& entry : entries) {
                std::vector<std::string> stems = split_stems(entry.words);
                if (stems.size() == size) {
                    list.push_back({&entry, std::move(stems)});
                }
            }
        };
        for (std::size_t size = 6; size > 0; --size) {
            add(kFigureCues, size);
            add(kTalkCues, size);
        }
        return list;
    }();
    return all;
}

// A word of some cue is meant as it stands: "contract" is no slip for "contact".
bool is_cue_word(const std::string& stem) {
    return std::any_of(matchers().begin(), matchers().end(), [&](const Matcher& matcher) {
        return std::find(matcher.stems.begin(), matcher.stems.end(), stem) != matcher.stems.end();
    });
}

bool fits(const Reading& reading, const std::vector<bool>& taken, std::size_t at,
          const Matcher& matcher, bool forgiving) {
    if (at + matcher.stems.size() > reading.words.size()) {
        return false;
    }
    for (std::size_t i = 0; i < matcher.stems.size(); ++i) {
        if (taken[at + i] || (i > 0 && reading.words[at + i].comma_before)) {
            return false;
        }
        const Word& word = reading.words[at + i];
        if (word.stem == matcher.stems[i] || word.text == matcher.stems[i]) {
            continue;
        }
        if (!forgiving || matcher.stems[i].size() < 6 || !near_word(word.stem, matcher.stems[i]) ||
            is_cue_word(word.stem)) {
            return false;
        }
    }
    return true;
}

} // namespace

std::vector<FoundCue> find_cues(const Reading& reading, const std::vector<bool>& taken) {
    constexpr std::size_t kMaxForgivenWords = 400; // of one question
    std::vector<bool> used = taken;
    std::vector<FoundCue> found;
    for (const bool forgiving : {false, true}) {
        const std::size_t limit =
            forgiving ? std::min(reading.words.size(), kMaxForgivenWords) : reading.words.size();
        for (const Matcher& matcher : matchers()) {
            for (std::size_t i = 0; i < limit; ++i) {
                if (used[i] || !fits(reading, used, i, matcher, forgiving)) {
                    continue;
                }
                const std::size_t last = i + matcher.stems.size();
                found.push_back({matcher.entry->cue, matcher.entry->value, i, last});
                std::fill(used.begin() + static_cast<std::ptrdiff_t>(i),
                          used.begin() + static_cast<std::ptrdiff_t>(last), true);
            }
        }
    }
    std::sort(found.begin(), found.end(),
              [](const FoundCue& a, const FoundCue& b) { return a.first < b.first; });
    return found;
}

} // namespace mr::local
