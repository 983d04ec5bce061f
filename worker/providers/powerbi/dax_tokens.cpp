#include "worker/providers/powerbi/dax_tokens.h"

#include "worker/providers/interfaces.h"

#include <algorithm>
#include <cctype>

namespace mr::powerbi {
namespace {

constexpr std::string_view kSigns = "(){},+-*/^&|=<>";

bool is_word_part(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

bool is_digit(char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

// Up to the closing mark, which stands for itself when doubled.
Token quoted(std::string_view dax, std::size_t begin, char close, Token::Kind kind) {
    Token token;
    token.kind = kind;
    token.begin = begin;
    for (std::size_t at = begin + 1; at < dax.size(); ++at) {
        if (static_cast<unsigned char>(dax[at]) < ' ') {
            refuse_dax("a name or text holds a control character");
        }
        if (dax[at] != close) {
            token.text += dax[at];
        } else if (at + 1 < dax.size() && dax[at + 1] == close) {
            token.text += dax[++at];
        } else {
            token.end = at + 1;
            return token;
        }
    }
    refuse_dax("a name or text is not closed");
}

Token plain(std::string_view dax, std::size_t begin) {
    const char c = dax[begin];
    const std::string_view two = dax.substr(begin, 2);
    Token token;
    token.begin = begin;
    token.end = begin + 1;
    if (is_word_part(c)) {
        while (token.end < dax.size() && is_word_part(dax[token.end])) {
            ++token.end;
        }
        token.kind = is_digit(c) || c == '.' ? Token::Kind::number : Token::Kind::word;
    } else if (two == "--" || two == "//" || two == "/*") {
        refuse_dax("comments are not allowed");
    } else if (kSigns.find(c) != std::string_view::npos) {
        token.kind = Token::Kind::sign;
    } else {
        refuse_dax("it holds a character that no query needs");
    }
    token.text = dax.substr(begin, token.end - begin);
    std::transform(token.text.begin(), token.text.end(), token.text.begin(),
                   [](unsigned char one) { return static_cast<char>(std::tolower(one)); });
    return token;
}

} // namespace

void refuse_dax(const std::string& why) {
    throw QueryRefused(ProviderFault::bad_request, "the query was refused: " + why, why);
}

std::vector<Token> tokens_of(std::string_view dax) {
    std::vector<Token> tokens;
    for (std::size_t at = 0; at < dax.size();) {
        const char c = dax[at];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            ++at;
            continue;
        }
        tokens.push_back(c == '"'    ? quoted(dax, at, '"', Token::Kind::text)
                         : c == '\'' ? quoted(dax, at, '\'', Token::Kind::table)
                         : c == '['  ? quoted(dax, at, ']', Token::Kind::column)
                                     : plain(dax, at));
        at = tokens.back().end;
    }
    Token last;
    last.begin = last.end = dax.size();
    tokens.push_back(last);
    return tokens;
}

} // namespace mr::powerbi
