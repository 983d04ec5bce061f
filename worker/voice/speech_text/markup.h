// Takes the markup off an answer while it streams: out comes plain text, each byte with its place
// in the answer. Tables, code blocks, rules, link targets, URLs, HTML and citations are dropped; a
// line break that ends something (paragraph, heading, item) stays, others are blanks.
//
// Nothing is decided before all that it depends on has come, so the pieces in which a text arrives
// make no difference. What is looked ahead at is bounded by kMaxAheadBytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mr::voice {

inline constexpr size_t kMaxAheadBytes = 300; // of a tag or a rule; what is longer is none

// Plain text and where each of its bytes comes from.
struct PlainText {
    std::string text;
    std::vector<size_t> at; // one per byte of `text`: bytes from the beginning of the answer
    char last = '\n';       // in front of `text`

    void add(std::string_view bytes, size_t from);
    void drop(size_t bytes); // from the front
};

class MarkupStripper {
  public:
    // With `announce`, a table or a code block that is left out is mentioned in its place.
    MarkupStripper(PlainText& out, bool announce) : out_(out), announce_(announce) {}

    void feed(std::string_view piece);
    void finish();
    size_t place() const { return place_; } // all of the answer before it has been worked off

  private:
    enum class Line : uint8_t { blank, text, item, heading, table, code };
    enum class Inside : uint8_t { text, line_start, skipped_line, fence_start, target, url };
    enum class Step : uint8_t { done, wait };

    void work();
    Step step();
    Step line_start();
    Step fence_line();
    Step marker(char c);
    Step rule_or_dash(char c);
    Step numbered();
    Step inline_step();
    Step punctuation(char c);
    Step bracket();
    Step closing_bracket();
    Step tag();
    Step entity();
    Step url_start(bool& is_url);
    Step url_step();
    Step target_step();
    Step other();

    std::optional<size_t> run_of(char c, size_t most) const;
    bool have(size_t bytes) const { return ended_ || pending_.size() >= bytes; }
    char at(size_t index) const { return index < pending_.size() ? pending_[index] : '\n'; }
    char previous() const { return out_.text.empty() ? out_.last : out_.text.back(); }
    void begin_line(Line line);
    void keep(size_t bytes);
    void keep_as(std::string_view text, size_t bytes);
    void skip(size_t bytes);
    void mention(std::string_view words);

    PlainText& out_;
    bool announce_;
    bool ended_ = false;
    std::string pending_;
    size_t place_ = 0;
    Inside inside_ = Inside::line_start;
    Line line_ = Line::blank; // of the line at hand, or in front while a line begins
    bool break_waits_ = false;
    size_t break_at_ = 0;
    char fence_ = 0; // 0: no code block is open
    unsigned depth_ = 0;
};

} // namespace mr::voice
