// DAX as a list of words, names, numbers and signs. Comments, control characters, parameters and
// signs that no query needs are refused.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mr::powerbi {

struct Token {
    enum class Kind : unsigned char { word, number, text, table, column, sign, end };
    Kind kind = Kind::end;
    std::string text; // words in lower case, names and texts without their quotes
    std::size_t begin = 0;
    std::size_t end = 0;

    bool is(Kind other, std::string_view what) const { return kind == other && text == what; }
    bool sign(std::string_view what) const { return is(Kind::sign, what); }
    bool word(std::string_view what) const { return is(Kind::word, what); }
};

// The last one is of the kind `end`. Throws ProviderError{bad_request}.
std::vector<Token> tokens_of(std::string_view dax);

[[noreturn]] void refuse_dax(const std::string& why);

} // namespace mr::powerbi
