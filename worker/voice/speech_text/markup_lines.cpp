#include "worker/voice/speech_text/markup.h"

#include <algorithm>

namespace mr::voice {
namespace {

constexpr size_t kFence = 3;
constexpr size_t kMaxHeading = 6;
constexpr size_t kMaxItemDigits = 9; // CommonMark's
constexpr size_t kMinRule = 3;

} // namespace

void PlainText::add(std::string_view bytes, size_t from) {
    text += bytes;
    at.insert(at.end(), bytes.size(), from);
}

void PlainText::drop(size_t bytes) {
    last = bytes > 0 ? text[bytes - 1] : last;
    text.erase(0, bytes);
    at.erase(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(bytes));
}

void MarkupStripper::feed(std::string_view piece) {
    pending_ += piece;
    work();
}

void MarkupStripper::finish() {
    ended_ = true;
    work();
}

void MarkupStripper::work() {
    while (!pending_.empty()) {
        if (step() == Step::wait) {
            return;
        }
    }
}

MarkupStripper::Step MarkupStripper::step() {
    switch (inside_) {
    case Inside::line_start:
        return line_start();
    case Inside::fence_start:
        return fence_line();
    case Inside::skipped_line: {
        const size_t end = pending_.find('\n');
        if (end == std::string::npos) {
            skip(pending_.size());
            return Step::done;
        }
        skip(end + 1);
        inside_ = fence_ != 0 ? Inside::fence_start : Inside::line_start;
        return Step::done;
    }
    case Inside::target:
        return target_step();
    case Inside::url:
        return url_step();
    case Inside::text:
        break;
    }
    return inline_step();
}

void MarkupStripper::skip(size_t bytes) {
    bytes = std::min(bytes, pending_.size());
    pending_.erase(0, bytes);
    place_ += bytes;
}

void MarkupStripper::keep(size_t bytes) {
    for (size_t i = 0; i < bytes && i < pending_.size(); ++i) {
        out_.add(std::string_view(pending_).substr(i, 1), place_ + i);
    }
    skip(bytes);
}

void MarkupStripper::keep_as(std::string_view text, size_t bytes) {
    out_.add(text, place_);
    skip(bytes);
}

// Null: it may go on behind what has come.
std::optional<size_t> MarkupStripper::run_of(char c, size_t most) const {
    size_t count = 0;
    while (count < pending_.size() && count < most && pending_[count] == c) {
        ++count;
    }
    return count < most && !have(count + 1) ? std::nullopt : std::optional(count);
}

// What the line is, is known now, and with it what the line break in front of it means.
void MarkupStripper::begin_line(Line line) {
    if (break_waits_) {
        const bool soft = line == Line::text && (line_ == Line::text || line_ == Line::item);
        if (soft) {
            out_.add(" ", break_at_);
        } else if (previous() != '\n') {
            out_.add("\n", break_at_);
        }
        break_waits_ = false;
    }
    line_ = line == Line::text && line_ == Line::item ? Line::item : line;
    inside_ = Inside::text;
}

void MarkupStripper::mention(std::string_view words) {
    if (announce_) {
        out_.add("\n", place_);
        out_.add(words, place_);
        out_.add("\n", place_);
    }
}

MarkupStripper::Step MarkupStripper::line_start() {
    const char c = at(0);
    if (c == ' ' || c == '\t' || c == '\r') {
        skip(1);
        return Step::done;
    }
    if (c == '\n') {
        if (line_ != Line::blank) {
            begin_line(Line::blank);
        }
        skip(1);
        inside_ = Inside::line_start;
        return Step::done;
    }
    if (c == '|') {
        const bool begins = line_ != Line::table;
        begin_line(Line::table);
        if (begins) {
            mention("See the table.");
        }
        inside_ = Inside::skipped_line;
        break_waits_ = false;
        return Step::done;
    }
    if (c >= '0' && c <= '9') {
        return numbered();
    }
    return marker(c);
}

MarkupStripper::Step MarkupStripper::marker(char c) {
    if (c == '`' || c == '~') {
        const std::optional<size_t> run = run_of(c, kFence);
        if (!run) {
            return Step::wait;
        }
        if (*run == kFence) {
            begin_line(Line::code);
            mention("See the code.");
            fence_ = c;
            inside_ = Inside::skipped_line;
            return Step::done;
        }
    } else if (c == '#') {
        const std::optional<size_t> run = run_of('#', kMaxHeading + 1);
        if (!run || !have(*run + 1)) {
            return Step::wait;
        }
        if (*run <= kMaxHeading && (at(*run) == ' ' || at(*run) == '\n')) {
            begin_line(Line::heading);
            skip(*run);
            return Step::done;
        }
    } else if (c == '>') {
        skip(1);
        return Step::done;
    } else if (std::string_view("-*_+=:").find(c) != std::string_view::npos) {
        return rule_or_dash(c);
    }
    begin_line(Line::text);
    return Step::done;
}

// "---", "===", "|:--|" without its first bar; "- item"; or text.
MarkupStripper::Step MarkupStripper::rule_or_dash(char c) {
    size_t end = 0;
    size_t marks = 0;
    while (end < pending_.size() && end < kMaxAheadBytes &&
           std::string_view("-*_=:| \t\r").find(pending_[end]) != std::string_view::npos) {
        marks += std::string_view(" \t\r").find(pending_[end]) == std::string_view::npos ? 1 : 0;
        ++end;
    }
    if (end == pending_.size() && end < kMaxAheadBytes && !ended_) {
        return Step::wait;
    }
    if (((ended_ && end == pending_.size()) || (end < pending_.size() && pending_[end] == '\n')) &&
        (marks >= kMinRule || marks == 1)) {
        begin_line(Line::blank); // a lone dash is an item without a word
        inside_ = Inside::skipped_line;
        return Step::done;
    }
    const bool item = (c == '-' || c == '*' || c == '+') && (at(1) == ' ' || at(1) == '\t');
    begin_line(item ? Line::item : Line::text);
    if (item) {
        line_ = Line::item;
        skip(2);
    }
    return Step::done;
}

// "1. item": its number is said, as a clause of its own.
MarkupStripper::Step MarkupStripper::numbered() {
    size_t digits = 0;
    while (digits < pending_.size() && digits <= kMaxItemDigits && at(digits) >= '0' &&
           at(digits) <= '9') {
        ++digits;
    }
    if (digits <= kMaxItemDigits && !have(digits + 2)) {
        return Step::wait;
    }
    const bool first = digits == 1 && at(0) == '1';
    const bool marked = digits <= kMaxItemDigits && (at(digits) == '.' || at(digits) == ')') &&
                        at(digits + 1) == ' ';
    if (!marked || (line_ == Line::text && !first)) {
        begin_line(Line::text);
        return Step::done;
    }
    begin_line(Line::item);
    line_ = Line::item;
    keep(digits);
    keep_as(",", 1);
    return Step::done;
}

MarkupStripper::Step MarkupStripper::fence_line() {
    if (at(0) == ' ' || at(0) == '\t') {
        skip(1);
        return Step::done;
    }
    const std::optional<size_t> run = run_of(fence_, kFence);
    if (!run) {
        return Step::wait;
    }
    if (*run == kFence) {
        fence_ = 0;
    }
    inside_ = Inside::skipped_line;
    return Step::done;
}

} // namespace mr::voice
