#include "worker/voice/speech_text/markup.h"

#include <array>

namespace mr::voice {
namespace {

constexpr size_t kMaxCitationBytes = 40;
constexpr size_t kMaxEntityBytes = 8;
constexpr std::string_view kUrlEnds = " \t\r\n<>\"|`";

bool is_word(char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u >= '0' && u <= '9') || ((u | 0x20) >= 'a' && (u | 0x20) <= 'z') || u >= 0x80;
}
bool is_figure(char c) {
    return c >= '0' && c <= '9';
}
bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// 0: no lead byte.
size_t code_point_bytes(char lead) {
    const auto u = static_cast<unsigned char>(lead);
    return u < 0x80 ? 1 : u < 0xC2 ? 0 : u < 0xE0 ? 2 : u < 0xF0 ? 3 : u < 0xF5 ? 4 : 0;
}

} // namespace

MarkupStripper::Step MarkupStripper::inline_step() {
    const char c = at(0);
    if (c == '\n') {
        break_waits_ = true;
        break_at_ = place_;
        skip(1);
        inside_ = Inside::line_start;
        return Step::done;
    }
    if (static_cast<unsigned char>(c) >= 0x80) {
        return other();
    }
    if (is_word(c)) {
        if ((c | 0x20) == 'h' || (c | 0x20) == 'w') {
            bool is_url = false;
            const Step url = url_start(is_url);
            if (url == Step::wait || is_url) {
                return url;
            }
        }
        keep(1);
        return Step::done;
    }
    if (c == ' ' || c == '\t') {
        keep_as(" ", 1);
        return Step::done;
    }
    return punctuation(c);
}

MarkupStripper::Step MarkupStripper::punctuation(char c) {
    switch (c) {
    case '[':
        return bracket();
    case ']':
        return closing_bracket();
    case '<':
        return tag();
    case '&':
        return entity();
    case '*':
    case '`':
    case '^':
    case '{':
    case '}':
    case '\r':
        skip(1);
        return Step::done;
    case '|':
        keep_as(" ", 1);
        return Step::done;
    case '\\':
    case '_':
    case '~':
    case '#':
    case '!':
        break;
    default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            skip(1);
        } else {
            keep(1);
        }
        return Step::done;
    }
    if (!have(2)) {
        return Step::wait;
    }
    if (c == '~' && at(1) == '~') {
        skip(2);
        return Step::done;
    }
    const bool kept = c == '!'    ? at(1) != '['
                      : c == '_'  ? false
                      : c == '\\' ? false
                                  : is_figure(at(1)); // "#5", "~50"
    if (kept) {
        keep(1);
    } else if (c == '_' && is_word(previous()) && is_word(at(1))) {
        keep_as(" ", 1); // snake_case
    } else {
        skip(1);
    }
    return Step::done;
}

// "[1]", "[2, 3]", "[^1]", "[ ]", "[x]" are left out; of "[label](target)" the label stays.
MarkupStripper::Step MarkupStripper::bracket() {
    size_t end = 1;
    bool digits = false;
    while (
        end < pending_.size() && end < kMaxCitationBytes &&
        (is_figure(at(end)) || std::string_view(" ,^-;").find(at(end)) != std::string_view::npos)) {
        digits = digits || is_figure(at(end));
        ++end;
    }
    const bool checked = end == 1 && (at(1) == 'x' || at(1) == 'X');
    if (checked) {
        end = 2;
    }
    if (end < kMaxCitationBytes && !have(end + 1)) {
        return Step::wait;
    }
    const bool left_out = at(end) == ']' && (digits || checked || end == 2);
    if (!left_out) {
        skip(1);
        return Step::done;
    }
    skip(end); // its closing bracket looks for a target behind it
    return Step::done;
}

MarkupStripper::Step MarkupStripper::closing_bracket() {
    if (!have(2)) {
        return Step::wait;
    }
    const bool target = at(1) == '(';
    skip(target ? 2 : 1);
    if (target) {
        depth_ = 1;
        inside_ = Inside::target;
    }
    return Step::done;
}

MarkupStripper::Step MarkupStripper::target_step() {
    const char c = at(0);
    if (c == '\n') { // not closed
        inside_ = Inside::text;
        return Step::done;
    }
    depth_ += c == '(' ? 1 : 0;
    depth_ -= c == ')' ? 1 : 0;
    skip(1);
    if (depth_ == 0) {
        inside_ = Inside::text;
    }
    return Step::done;
}

MarkupStripper::Step MarkupStripper::tag() {
    if (!have(2)) {
        return Step::wait;
    }
    const char first = at(1);
    const bool may_be =
        first == '/' || first == '!' || ((first | 0x20) >= 'a' && (first | 0x20) <= 'z');
    if (!may_be) {
        keep(1); // "< 10" is worded later on
        return Step::done;
    }
    size_t end = 1;
    while (end < pending_.size() && end < kMaxAheadBytes && at(end) != '>' && at(end) != '\n' &&
           at(end) != '<') {
        ++end;
    }
    if (end == pending_.size() && end < kMaxAheadBytes && !ended_) {
        return Step::wait;
    }
    if (at(end) == '>') {
        keep_as(" ", end + 1);
    } else {
        skip(1);
    }
    return Step::done;
}

MarkupStripper::Step MarkupStripper::entity() {
    size_t end = 1;
    while (end < pending_.size() && end <= kMaxEntityBytes &&
           (is_word(at(end)) || at(end) == '#') && static_cast<unsigned char>(at(end)) < 0x80) {
        ++end;
    }
    if (end == pending_.size() && end <= kMaxEntityBytes && !ended_) {
        return Step::wait;
    }
    if (end == 1 || end >= pending_.size() || at(end) != ';') {
        keep(1);
        return Step::done;
    }
    const std::string_view name = std::string_view(pending_).substr(1, end - 1);
    keep_as(name == "amp" ? "&" : name == "lt" ? "<" : name == "gt" ? ">" : " ", end + 1);
    return Step::done;
}

MarkupStripper::Step MarkupStripper::url_start(bool& is_url) {
    if (is_word(previous())) {
        return Step::done;
    }
    for (const std::string_view start : {"https://", "http://", "www."}) {
        size_t same = 0;
        while (same < start.size() && same < pending_.size() &&
               (at(same) == start[same] || (at(same) | 0x20) == start[same])) {
            ++same;
        }
        if (same == start.size()) {
            is_url = true;
            skip(same);
            inside_ = Inside::url;
            return Step::done;
        }
        if (same == pending_.size() && !ended_) {
            return Step::wait;
        }
    }
    return Step::done;
}

// The marks at the end of a URL are the sentence's.
MarkupStripper::Step MarkupStripper::url_step() {
    const char c = at(0);
    const bool mark = std::string_view(".,;:!?)]*_").find(c) != std::string_view::npos;
    if (mark && !have(2)) {
        return Step::wait;
    }
    const bool ends =
        kUrlEnds.find(c) != std::string_view::npos ||
        (mark && (is_blank(at(1)) || c == ')' || c == ']' ||
                  std::string_view(".,;:!?)]*_").find(at(1)) != std::string_view::npos));
    if (ends) {
        inside_ = Inside::text;
        return Step::done;
    }
    skip(1);
    return Step::done;
}

// Beyond ASCII: whole code points; pictures are left out, brackets of citations with their content.
MarkupStripper::Step MarkupStripper::other() {
    const size_t size = code_point_bytes(at(0));
    if (size == 0) {
        skip(1);
        return Step::done;
    }
    for (size_t i = 1; i < size; ++i) {
        if (!have(i + 1)) {
            return Step::wait;
        }
        if ((static_cast<unsigned char>(at(i)) & 0xC0) != 0x80) { // no UTF-8
            skip(1);
            return Step::done;
        }
    }
    const std::string_view one = std::string_view(pending_).substr(0, size);
    if (one == "\xE3\x80\x90") { // lenticular bracket
        const size_t end = pending_.find("\xE3\x80\x91");
        if (end == std::string::npos && pending_.size() < kMaxCitationBytes + 3 && !ended_) {
            return Step::wait;
        }
        skip(end != std::string::npos && end < kMaxCitationBytes ? end + 3 : size);
        return Step::done;
    }
    const bool space = one == "\xC2\xA0" || one == "\xE2\x80\xAF" || one == "\xE2\x80\x89";
    const bool picture = size == 4 || one.starts_with("\xE2\x98") || one.starts_with("\xE2\x99") ||
                         one.starts_with("\xE2\x9A") || one.starts_with("\xE2\x9B") ||
                         one.starts_with("\xE2\x9C") || one.starts_with("\xE2\x9D") ||
                         one.starts_with("\xEF\xB8") || one == "\xE2\x80\x8D" ||
                         one == "\xE2\x80\x8B" || one == "\xE2\x80\xA2";
    if (space) {
        keep_as(" ", size);
    } else if (picture) {
        skip(size);
    } else {
        keep(size);
    }
    return Step::done;
}

} // namespace mr::voice
