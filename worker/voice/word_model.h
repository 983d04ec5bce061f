// What is likely to be said here: how probable a word is behind the two before it, as example
// sentences have it (trigrams with absolute discounting, each order mixed with the shorter ones).
// Read-only once made; any number of threads may ask.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mr::voice {

inline constexpr size_t kMaxModelWords = 200'000; // different ones; what is beyond is left out

class WordModel {
  public:
    using Word = uint32_t; // its place in the alphabetical vocabulary

    // The two words before; where a text begins there are none.
    struct History {
        Word before_last;
        Word last;
    };

    // Of any case; what is neither letter nor digit divides words. Takes a tenth of a second for
    // 190,000 words of text.
    explicit WordModel(const std::vector<std::string>& sentences);

    size_t size() const noexcept { return words_.size(); }
    History begin() const noexcept { return {nothing(), beginning()}; }
    // `word` has been said; one that is in no sentence forgets what was before it.
    History after(const History& before, std::optional<Word> word) const noexcept {
        return {before.last, word.value_or(nothing())};
    }

    std::optional<Word> find(std::string_view word) const;
    struct Range {
        Word first;
        Word end;
    };
    Range starting_with(std::string_view prefix) const;

    // Of every word of the vocabulary behind `history`: natural logarithms.
    std::vector<float> log_likelihoods(const History& history) const;

  private:
    struct Follower {
        uint64_t history; // one word, or two of them
        Word word;
        uint32_t count;
    };
    using Followers = std::vector<Follower>; // by history, then by word

    static Followers counted(std::vector<Follower> seen);
    static void mix(std::vector<float>& shares, const Followers& all, uint64_t history);
    static uint64_t joined(Word a, Word b) noexcept { return (uint64_t{a} << 32U) | b; }
    Word beginning() const noexcept { return static_cast<Word>(words_.size()); }
    Word nothing() const noexcept { return beginning() + 1; } // also what is not known

    std::vector<std::string> words_; // by the alphabet
    std::vector<float> shares_;      // of each word in the sentences
    Followers pairs_;
    Followers triples_;
};

// The words of a text as the model has them: lower case, without apostrophes.
std::vector<std::string> model_words(std::string_view text);

} // namespace mr::voice
