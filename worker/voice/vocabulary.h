// The names that a recogniser of general English does not know: projects, companies, people and
// trades. What was heard is changed to a name where it sounds nearly like one, and gets the name's
// spelling where it is one. Words of everyday English are never changed on their own, only as part
// of a longer name the rest of which is right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mr::voice {

inline constexpr size_t kMaxNames = 20'000;    // more are left out
inline constexpr size_t kMaxNameWords = 6;     // longer names are found by nobody's ear
inline constexpr size_t kMaxSnapWords = 400;   // of a text; behind them it stays as it is
inline constexpr size_t kMinSingleLetters = 5; // of a name of one word: shorter ones must be exact

class Vocabulary {
  public:
    // Names as they are written.
    explicit Vocabulary(const std::vector<std::string>& names);

    // The text with names put right. What stands around them stays: punctuation, blanks, case.
    std::string snap(std::string_view text) const;

    size_t size() const noexcept { return names_.size(); }

  private:
    struct Name {
        std::string written;
        std::vector<std::string> words; // folded
        std::vector<std::string> keys;
        std::string joined; // the words in one
        std::string joined_key;
        bool capital = false; // a proper name: its spelling is put in even where words are right
    };
    struct Word {
        size_t begin = 0; // in the text
        size_t end = 0;
        std::string folded;
        std::string key;
    };
    struct Match {
        const Name* name = nullptr;
        size_t words = 0;
        unsigned cost = 0;
        bool tied = false; // another name fits as well: then none does
    };

    static std::vector<Word> words_of(std::string_view text);
    Match best_at(const std::vector<Word>& words, size_t at) const;
    bool fits(const Name& name, const std::vector<Word>& words, size_t at, size_t count,
              unsigned& cost) const;
    static bool fits_joined(const Name& name, const std::vector<Word>& words, size_t at,
                            size_t count, unsigned& cost);

    std::vector<Name> names_;
};

// Whether it is among the most common words of English or of questions about a building company.
bool is_common_word(std::string_view folded);

} // namespace mr::voice
