#include "worker/voice/speech_text/clause_cutter.h"

#include "worker/voice/speech_text/speakable.h"
#include "worker/voice/speech_text/wording.h"
#include "worker/voice/synthesiser.h"

#include <algorithm>
#include <array>

namespace mr::voice {
namespace {

constexpr size_t kSliceBytes = 256;

// A full stop behind these ends no sentence.
constexpr std::array<std::string_view, 40> kAbbreviations{
    "mr",   "mrs", "ms",  "dr",  "prof",   "st",  "ave", "blvd", "rd",   "hwy",
    "vs",   "e.g", "i.e", "cf",  "approx", "est", "avg", "max",  "qty",  "dept",
    "sq",   "lin", "jan", "feb", "mar",    "apr", "jun", "jul",  "aug",  "sep",
    "sept", "oct", "nov", "dec", "fig",    "vol", "pp",  "acct", "attn", "ref"};
// Behind these it does, unless the text goes on with a small letter or a figure.
constexpr std::array<std::string_view, 22> kMayEnd{
    "inc", "ltd", "co",  "corp", "etc", "ft", "yd", "lb", "lbs", "oz", "hr",
    "hrs", "gal", "a.m", "p.m",  "u.s", "jr", "sr", "al", "llc", "in", "bros"};

constexpr std::array<std::string_view, 4> kClosers{"\"", "'", ")", "\xE2\x80\x9D"};

bool blank(char c) {
    return c == ' ' || c == '\n';
}
bool continues(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

bool in_list(const auto& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

// The word that ends at `end`, with full stops inside, in lower case.
std::string word_before(std::string_view text, size_t end) {
    size_t from = end;
    while (from > 0 && (is_letter(text[from - 1]) || text[from - 1] == '.')) {
        --from;
    }
    return lower_text(text.substr(from, end - from));
}

} // namespace

void ClauseCutter::add(std::string_view text) {
    // In slices: what waits is moved with each step, so a long text at once would cost its square.
    for (size_t at = 0; !ended_ && at < text.size(); at += kSliceBytes) {
        markup_.feed(text.substr(at, kSliceBytes));
        scan();
    }
}

void ClauseCutter::end() {
    if (ended_) {
        return;
    }
    ended_ = true;
    markup_.finish();
    scan();
    cut_at(plain_.text.size());
}

std::optional<Clause> ClauseCutter::next() {
    if (ready_.empty()) {
        return std::nullopt;
    }
    Clause clause = std::move(ready_.front());
    ready_.pop_front();
    return clause;
}

void ClauseCutter::scan() {
    while (scanned_ < plain_.text.size()) {
        if (scanned_ >= kMaxClauseBytes) {
            cut_between_words();
            continue;
        }
        size_t cut = 0;
        const Verdict verdict = judge(scanned_, cut);
        if (verdict == Verdict::wait) {
            return;
        }
        if (verdict == Verdict::yes) {
            cut_at(cut);
            continue;
        }
        ++scanned_;
    }
}

// `cut`: where the clause ends.
ClauseCutter::Verdict ClauseCutter::judge(size_t at, size_t& cut) const {
    const std::string_view text = plain_.text;
    const char c = text[at];
    if (c == '\n') {
        cut = at;
        return Verdict::yes;
    }
    if (c == '.' || c == '!' || c == '?') {
        return sentence_end(at, cut);
    }
    const std::string_view here = text.substr(at);
    if (c == ',' || c == ';' || c == ':' || here.starts_with("\xE2\x80\x94")) {
        return clause_end(at, cut);
    }
    if (here.starts_with("\xE2\x80\xA6")) {
        cut = at + 3;
        if (cut >= text.size() && !ended_) {
            return Verdict::wait;
        }
        return long_enough(cut) ? Verdict::yes : Verdict::no;
    }
    return Verdict::no;
}

ClauseCutter::Verdict ClauseCutter::sentence_end(size_t at, size_t& cut) const {
    const std::string_view text = plain_.text;
    cut = at + 1;
    for (bool more = true; more;) {
        more = false;
        for (const std::string_view closer : kClosers) {
            if (text.substr(cut).starts_with(closer)) {
                cut += closer.size();
                more = true;
            }
        }
    }
    if (cut >= text.size()) {
        return ended_ ? Verdict::no : Verdict::wait; // the end cuts here anyway
    }
    if (!blank(text[cut]) || !long_enough(cut)) {
        return Verdict::no;
    }
    return text[at] == '.' ? full_stop(at, cut) : Verdict::yes;
}

ClauseCutter::Verdict ClauseCutter::full_stop(size_t at, size_t behind) const {
    const std::string_view text = plain_.text;
    const std::string word = word_before(text, at);
    const bool initial = word.size() == 1 && is_upper(text[at - 1]);
    const bool may_end = in_list(kMayEnd, word) || word == "no" || word == "nos" || initial;
    if (in_list(kAbbreviations, word)) {
        return Verdict::no;
    }
    if (!may_end) {
        return Verdict::yes;
    }
    while (behind < text.size() && text[behind] == ' ') {
        ++behind;
    }
    if (behind >= text.size()) {
        return ended_ ? Verdict::yes : Verdict::wait;
    }
    const char next = text[behind];
    const bool number = word == "no" || word == "nos";
    if (number) {
        return is_digit(next) ? Verdict::no : Verdict::yes;
    }
    if (initial) { // "J. Smith"
        return is_upper(next) ? Verdict::no : Verdict::yes;
    }
    const bool goes_on = is_digit(next) || (is_letter(next) && !is_upper(next));
    return goes_on ? Verdict::no : Verdict::yes;
}

ClauseCutter::Verdict ClauseCutter::clause_end(size_t at, size_t& cut) const {
    const std::string_view text = plain_.text;
    const bool dash = !is_letter(text[at]) && static_cast<unsigned char>(text[at]) == 0xE2;
    cut = at + (dash ? 3 : 1);
    if (!(first_ || at >= kLongSentenceBytes) || !long_enough(cut)) {
        return Verdict::no;
    }
    if (dash && cut < text.size()) {
        return Verdict::yes;
    }
    if (cut + 1 >= text.size() && !ended_) {
        return Verdict::wait;
    }
    if (cut >= text.size() || !blank(text[cut])) {
        return Verdict::no;
    }
    // "Sept. 5, 2026"
    const bool date = text[at] == ',' && at > 0 && is_digit(text[at - 1]) &&
                      cut + 1 < text.size() && is_digit(text[cut + 1]);
    return date ? Verdict::no : Verdict::yes;
}

// Of the first clause: in characters, without blanks in front.
bool ClauseCutter::long_enough(size_t cut) const {
    if (!first_) {
        return true;
    }
    size_t from = 0;
    while (from < cut && blank(plain_.text[from])) {
        ++from;
    }
    const auto begin = plain_.text.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end = plain_.text.begin() + static_cast<std::ptrdiff_t>(cut);
    return static_cast<size_t>(std::count_if(begin, end, [](char c) { return !continues(c); })) >=
           kFirstClauseChars;
}

void ClauseCutter::cut_at(size_t size) {
    put(0, size);
    const bool line = size < plain_.text.size() && plain_.text[size] == '\n';
    plain_.drop(size + (line ? 1 : 0));
    scanned_ = 0;
}

void ClauseCutter::cut_between_words() {
    const size_t space = plain_.text.rfind(' ', scanned_);
    size_t size = space == std::string_view::npos || space == 0 ? scanned_ : space;
    while (size > 1 && size < plain_.text.size() && continues(plain_.text[size])) {
        --size;
    }
    cut_at(size);
}

void ClauseCutter::put(size_t from, size_t to) {
    while (from < to && blank(plain_.text[from])) {
        ++from;
    }
    size_t last = to;
    while (last > from && blank(plain_.text[last - 1])) {
        --last;
    }
    if (from == last) {
        return;
    }
    const std::string_view text = std::string_view(plain_.text).substr(from, last - from);
    std::string spoken = speakable(text);
    if (spoken.empty()) {
        return;
    }
    if (spoken.size() > kMaxSegmentBytes) {
        const size_t space = text.find(' ', text.size() / 2);
        size_t middle = from + (space == std::string_view::npos ? text.size() / 2 : space);
        while (middle > from + 1 && continues(plain_.text[middle])) {
            --middle;
        }
        put(from, middle);
        put(middle, to);
        return;
    }
    Clause clause;
    clause.spoken = std::move(spoken);
    for (const char c : text) {
        const bool again = c == ' ' && (clause.caption.empty() || clause.caption.back() == ' ');
        if (!again) {
            clause.caption += c;
        }
    }
    clause.begin = plain_.at[from];
    clause.end = last < plain_.at.size() ? plain_.at[last] : markup_.place();
    ready_.push_back(std::move(clause));
    first_ = false;
}

std::vector<std::string> spoken_clauses(std::string_view text) {
    ClauseCutter cutter;
    cutter.add(text);
    cutter.end();
    std::vector<std::string> clauses;
    while (auto clause = cutter.next()) {
        clauses.push_back(std::move(clause->spoken));
    }
    return clauses;
}

} // namespace mr::voice
