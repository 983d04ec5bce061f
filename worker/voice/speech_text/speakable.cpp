#include "worker/voice/speech_text/speakable.h"

#include "worker/voice/speech_text/wording.h"

#include <algorithm>
#include <array>

namespace mr::voice {
namespace {

struct Symbol {
    std::string_view written;
    std::string_view said; // with the blanks it needs
};

// Whatever is not here and is no letter, digit or mark of a sentence is left out.
constexpr std::array kSymbols{
    Symbol{"&", " and "},
    Symbol{"@", " at "},
    Symbol{"=", " equals "},
    Symbol{"\xC3\x97", " by "},             // multiplication sign
    Symbol{"\xC2\xB1", " plus or minus "},  // plus-minus
    Symbol{"\xC2\xB7", ", "},               // middle dot
    Symbol{"\xC2\xB0", " degrees "},        // degree
    Symbol{"\xC2\xBD", " one half "},       // half
    Symbol{"\xC2\xBC", " one quarter "},    // quarter
    Symbol{"\xC2\xBE", " three quarters "}, // three quarters
    Symbol{"\xE2\x80\x94", ", "},           // em dash
    Symbol{"\xE2\x80\x93", ", "},           // en dash
    Symbol{"\xE2\x80\xA6", "."},            // ellipsis
    Symbol{"\xE2\x80\x98", "'"},            // quotation marks
    Symbol{"\xE2\x80\x99", "'"},
    Symbol{"\xE2\x89\xA4", " at most "},
    Symbol{"\xE2\x89\xA5", " at least "},
    Symbol{"\xE2\x89\x88", " about "},
    Symbol{"\xE2\x86\x92", " to "},
    Symbol{"(", ", "},
    Symbol{")", ", "},
    Symbol{"%", " percent "},
    Symbol{"/", " "},
    Symbol{"-", " "},
};
// Signs that mean something in front of a number or a sum alone.
constexpr std::array kSigns{
    Symbol{"#", " number "},           Symbol{"~", " about "},
    Symbol{"<", " less than "},        Symbol{">", " more than "},
    Symbol{"\xE2\x88\x92", " minus "}, Symbol{"+", " plus "},
};

size_t code_point_size(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    size_t whole = 1; // as far as it is UTF-8
    while (whole < std::min(size, text.size()) &&
           (static_cast<unsigned char>(text[whole]) & 0xC0) == 0x80) {
        ++whole;
    }
    return whole;
}

// Letters of other scripts and accents are said as they are; pictures and arrows are not.
bool is_foreign_letter(std::string_view one) {
    const auto lead = static_cast<unsigned char>(one[0]);
    if (lead >= 0xC3 && lead <= 0xDF) {
        return one != "\xC3\x97" && one != "\xC3\xB7";
    }
    return (lead >= 0xE0 && lead <= 0xEF && lead != 0xE2 && one < "\xEF\xB8\x80") &&
           !one.starts_with("\xE3\x80");
}

class Wording {
  public:
    explicit Wording(std::string_view text) : text_(text) {}

    std::string run() {
        while (at_ < text_.size()) {
            step();
        }
        return tidy();
    }

  private:
    std::string_view rest() const { return text_.substr(at_); }
    char previous() const { return at_ == 0 ? ' ' : text_[at_ - 1]; }
    char next() const { return at_ + 1 < text_.size() ? text_[at_ + 1] : ' '; }

    void step() {
        const char c = text_[at_];
        if (is_digit(c)) {
            figure();
        } else if (is_letter(c)) {
            word();
        } else if (const auto money = say_money(rest())) {
            say(*money);
            behind_figure();
        } else {
            symbol();
        }
    }

    void say(const Said& said) {
        out_ += " " + said.words;
        at_ += said.size;
        before_ = {};
    }

    void figure() {
        for (const auto rule : {say_date, say_time, say_phone, say_ordinal}) {
            if (const auto said = rule(rest())) {
                say(*said);
                behind_figure();
                return;
            }
        }
        say(*say_number(rest(), before_));
        behind_figure();
    }

    // "5-10", "$42k–$50k", "$3/sq ft", "12/yr".
    void behind_figure() {
        const std::string_view left = rest();
        for (const std::string_view dash : {"-", "\xE2\x80\x93"}) {
            const std::string_view behind = left.substr(std::min(dash.size(), left.size()));
            if (left.starts_with(dash) && !behind.empty() &&
                (is_digit(behind[0]) || say_money(behind))) {
                out_ += " to ";
                at_ += dash.size();
                return;
            }
        }
        if (left.starts_with('/')) {
            const Said unit = unit_at(left.substr(1), true, true);
            const bool word = left.size() > 1 && is_letter(left[1]);
            if (unit.size > 0 || word) {
                out_ += " per " + unit.words;
                at_ += 1 + unit.size;
            } else if (left.size() > 1 && is_digit(left[1])) {
                out_ += " slash ";
                ++at_;
            }
        }
        out_ += ' ';
    }

    void word() {
        if (rest().starts_with("US$")) {
            at_ += 2;
            return;
        }
        for (const auto rule : {say_id, say_month_and_day, say_acronym}) {
            if (const auto said = rule(rest())) {
                const std::string word = lower_text(rest().substr(0, said->size));
                say(*said);
                before_ = word;
                return;
            }
        }
        const std::string_view per = before_ == "per" ? rest() : std::string_view();
        const Said unit = per.empty() ? unit_at(rest(), false, false) : unit_at(per, true, true);
        if (unit.size > 0) {
            say(unit);
            return;
        }
        const size_t from = at_;
        while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) {
            ++at_;
        }
        out_ += text_.substr(from, at_ - from);
        before_ = lower_text(text_.substr(from, at_ - from));
    }

    bool before_amount(size_t size) const {
        const std::string_view behind = rest().substr(size);
        const std::string_view direct = behind.starts_with(' ') ? behind.substr(1) : behind;
        return !direct.empty() && (is_digit(direct[0]) || say_money(direct).has_value());
    }

    void symbol() {
        const char c = text_[at_];
        for (const Symbol& sign : kSigns) {
            if (rest().starts_with(sign.written)) {
                out_ += before_amount(sign.written.size()) ? sign.said : " ";
                at_ += sign.written.size();
                return;
            }
        }
        const bool minus = c == '-' && (previous() == ' ' || previous() == '(') && next() != ' ' &&
                           before_amount(1);
        if (minus) {
            out_ += " minus ";
            ++at_;
            return;
        }
        for (const Symbol& one : kSymbols) {
            if (rest().starts_with(one.written)) {
                out_ += one.said;
                at_ += one.written.size();
                return;
            }
        }
        const std::string_view one = rest().substr(0, code_point_size(rest()));
        const bool said = std::string_view(".,;:!?' ").find(c) != std::string_view::npos ||
                          is_foreign_letter(one);
        out_ += said ? one : " ";
        at_ += one.size();
        before_ = said && c != ' ' ? std::string() : before_;
    }

    // Single blanks, none in front of a mark, one mark at a place.
    std::string tidy() const {
        static constexpr std::string_view kMarks = ".,;:!?";
        std::string clean;
        for (const char c : out_) {
            const bool mark = kMarks.find(c) != std::string_view::npos;
            if (c == ' ' || c == '\n' || c == '\t') {
                if (!clean.empty() && clean.back() != ' ') {
                    clean += ' ';
                }
                continue;
            }
            if (mark) {
                while (!clean.empty() && clean.back() == ' ') {
                    clean.pop_back();
                }
                const bool again = clean.empty() || kMarks.find(clean.back()) != std::string::npos;
                if (again && (clean.empty() || c == ',' || c == ';' || c == ':')) {
                    clean += clean.empty() ? "" : " ";
                    continue;
                }
                if (again) {
                    clean.pop_back();
                }
            }
            clean += c;
        }
        while (!clean.empty() && (clean.back() == ' ' || clean.back() == ',')) {
            clean.pop_back();
        }
        return clean.find_first_not_of(".,;:!?' ") == std::string::npos ? std::string() : clean;
    }

    std::string_view text_;
    size_t at_ = 0;
    std::string before_; // the word in front, in lower case
    std::string out_;
};

} // namespace

std::string speakable(std::string_view text) {
    return Wording(text).run();
}

} // namespace mr::voice
