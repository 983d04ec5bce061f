#include "worker/providers/bigquery/tokens.h"

#include "worker/providers/bigquery/tables.h"
#include "worker/providers/interfaces.h"

#include <algorithm>

namespace mr::bigquery {
namespace {

// Signs that a SELECT needs. Not among them: ; @ ? $ : # \ { }
constexpr std::string_view kSigns = "(),.*+-/=<>!|&^~%[]";

bool name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool digit(char c) {
    return c >= '0' && c <= '9';
}

class Reader {
  public:
    explicit Reader(std::string_view sql) : sql_(sql) {}

    std::vector<Token> read() {
        while (skip_blanks()) {
            Token token;
            token.begin = at_;
            read_into(token);
            token.end = at_;
            tokens_.push_back(std::move(token));
        }
        return std::move(tokens_);
    }

  private:
    char peek(std::size_t ahead = 0) const {
        return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : ' ';
    }

    bool skip_blanks() {
        while (at_ < sql_.size() && std::string_view(" \t\r\n").find(peek()) != std::string::npos) {
            ++at_;
        }
        return at_ < sql_.size();
    }

    void read_into(Token& token) {
        const char c = peek();
        if (c == '#' || (c == '-' && peek(1) == '-') || (c == '/' && peek(1) == '*')) {
            refuse("comments are not allowed");
        }
        if (c == '|' && peek(1) == '>') {
            refuse("pipe syntax is not allowed");
        }
        if (const std::size_t prefix = text_prefix(); prefix != std::string::npos) {
            at_ += prefix;
            token.kind = TokenKind::text;
            read_text();
        } else if (c == '`') {
            read_quoted_name(token);
        } else if (name_start(c)) {
            token.kind = TokenKind::word;
            const std::size_t begin = at_;
            while (name_start(peek()) || digit(peek())) {
                ++at_;
            }
            token.text = lower(sql_.substr(begin, at_ - begin));
        } else if (digit(c) || (c == '.' && digit(peek(1)) && !behind_a_value())) {
            token.kind = TokenKind::number;
            read_number();
        } else if (kSigns.find(c) != std::string_view::npos) {
            token.text = c;
            ++at_;
        } else {
            refuse("a character in it is not allowed outside of quotes");
        }
    }

    // The letters before the quote of a literal (r, b, rb, br); npos: none begins here.
    std::size_t text_prefix() const {
        for (std::size_t i = 0; i <= 2; ++i) {
            const char c = peek(i);
            if (c == '\'' || c == '"') {
                return i;
            }
            if (c != 'r' && c != 'R' && c != 'b' && c != 'B') {
                break;
            }
        }
        return std::string::npos;
    }

    // Nothing may follow without a blank: "1.FROM x" is read by some as a number and a word.
    void read_number() {
        const auto digits = [this] {
            while (digit(peek())) {
                ++at_;
            }
        };
        digits();
        if (peek() == '.') {
            ++at_;
            digits();
        }
        const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
        if ((peek() == 'e' || peek() == 'E') && digit(peek(sign))) {
            at_ += sign;
            digits();
        }
        if (name_start(peek()) || peek() == '.') {
            refuse("a number in it is none");
        }
    }

    // Also in raw literals a backslash keeps the quote behind it from ending them.
    void read_text() {
        const char quote = peek();
        const bool triple = peek(1) == quote && peek(2) == quote && at_ + 2 < sql_.size();
        const std::string end(triple ? 3 : 1, quote);
        for (at_ += end.size(); at_ < sql_.size(); ++at_) {
            if (sql_.substr(at_, end.size()) == end) {
                at_ += end.size();
                return;
            }
            if (peek() == '\0' || (!triple && (peek() == '\n' || peek() == '\r'))) {
                break;
            }
            at_ += peek() == '\\' ? 1 : 0;
        }
        refuse("a quote is not closed");
    }

    void read_quoted_name(Token& token) {
        const std::size_t close = sql_.find('`', at_ + 1);
        if (close == std::string_view::npos) {
            refuse("a quote is not closed");
        }
        const std::string_view name = sql_.substr(at_ + 1, close - at_ - 1);
        const bool good = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
            return name_start(c) || digit(c) || c == ' ' || static_cast<unsigned char>(c) >= 0x80;
        });
        if (!good) {
            refuse("a name in backquotes may hold letters, digits and underscores alone");
        }
        token.kind = TokenKind::quoted_name;
        token.text = lower(name);
        at_ = close + 1;
    }

    // A dot behind one is a path's, whatever comes next.
    bool behind_a_value() const {
        return !tokens_.empty() &&
               (tokens_.back().name() || tokens_.back().sign(')') || tokens_.back().sign(']'));
    }

    std::string_view sql_;
    std::size_t at_ = 0;
    std::vector<Token> tokens_;
};

} // namespace

std::vector<Token> tokens_of(std::string_view sql) {
    return Reader(sql).read();
}

void refuse(const std::string& why) {
    const std::string text = "the query was refused: " + why;
    throw QueryRefused(ProviderFault::bad_request, text, text);
}

} // namespace mr::bigquery
