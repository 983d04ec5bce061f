// Cuts an answer into what is spoken of it, clause by clause, while it is written: the first one
// early, so that something is heard soon, then whole sentences. Markup, tables, code, links and
// citations are not spoken. The clauses do not depend on the pieces in which the text comes.
//
// Places are bytes of the answer's UTF-8 text, at boundaries of code points.
#pragma once

#include "worker/voice/speech_text/markup.h"

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mr::voice {

inline constexpr size_t kFirstClauseChars = 20; // the first cut comes behind so many, at , ; : too
inline constexpr size_t kLongSentenceBytes = 240; // from here on a sentence is cut at , ; : too
inline constexpr size_t kMaxClauseBytes = 400;    // of plain text: then between two words

struct Clause {
    std::string spoken;  // worded for the ear, at most kMaxSegmentBytes; never empty
    std::string caption; // the same as it is read: plain text
    size_t begin = 0;    // of the answer; ranges do not overlap and come in order
    size_t end = 0;      // may cover markup behind the words; of a mention: where begin is
};

struct ClauseOptions {
    bool announce = true; // "See the table." in the place of a table, likewise code
};

class ClauseCutter {
  public:
    explicit ClauseCutter(ClauseOptions options = ClauseOptions())
        : markup_(plain_, options.announce) {}
    ClauseCutter(const ClauseCutter&) = delete;
    ClauseCutter& operator=(const ClauseCutter&) = delete;

    void add(std::string_view text);
    void end(); // no text follows; what is left comes as it is
    // The next clause that is complete; null: none yet, or behind end() none any more.
    std::optional<Clause> next();

  private:
    enum class Verdict : unsigned char { no, yes, wait };

    void scan();
    Verdict judge(size_t at, size_t& cut) const;
    Verdict sentence_end(size_t at, size_t& cut) const;
    Verdict full_stop(size_t at, size_t behind) const;
    Verdict clause_end(size_t at, size_t& cut) const;
    bool long_enough(size_t cut) const;
    void cut_at(size_t size);
    void put(size_t from, size_t to);
    void cut_between_words();

    PlainText plain_;
    MarkupStripper markup_;
    std::deque<Clause> ready_;
    size_t scanned_ = 0;
    bool first_ = true; // nothing has been cut yet
    bool ended_ = false;
};

// What is spoken of a text that is there whole, clause by clause; none where there is no word.
std::vector<std::string> spoken_clauses(std::string_view text);

} // namespace mr::voice
