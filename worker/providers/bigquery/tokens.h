// GoogleSQL's text as tokens. Whatever is uncommon is refused rather than read: comments, control
// characters, quoted names with anything but the characters of a name. Pure.
//
// https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mr::bigquery {

enum class TokenKind : unsigned char { word, quoted_name, text, number, sign };

struct Token {
    TokenKind kind = TokenKind::sign;
    std::string text; // words and names in lower case; a sign is one character
    std::size_t begin = 0;
    std::size_t end = 0; // in the text of the query

    bool is(std::string_view word) const { return kind == TokenKind::word && text == word; }
    bool sign(char c) const { return kind == TokenKind::sign && text[0] == c; }
    bool name() const { return kind == TokenKind::word || kind == TokenKind::quoted_name; }
};

// Throws QueryRefused.
std::vector<Token> tokens_of(std::string_view sql);

[[noreturn]] void refuse(const std::string& why);

} // namespace mr::bigquery
