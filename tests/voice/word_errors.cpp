#include "tests/voice/word_errors.h"

#include "worker/voice/names.h"

#include <algorithm>

namespace mr::voice {

std::vector<std::string> compared_words(std::string_view text) {
    std::string folded;
    for (const char c : text) {
        const bool upper = c >= 'A' && c <= 'Z';
        const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (upper) {
            folded += static_cast<char>(c - 'A' + 'a');
        } else if (kept) {
            folded += c;
        } else if (c != '\'' && !folded.empty() && folded.back() != ' ') {
            folded += ' ';
        }
    }
    while (!folded.empty() && folded.back() == ' ') {
        folded.pop_back();
    }
    const std::string numbers = written_years(folded);
    std::vector<std::string> words;
    for (size_t at = 0; at < numbers.size();) {
        const size_t blank = std::min(numbers.find(' ', at), numbers.size());
        words.push_back(numbers.substr(at, blank - at));
        at = blank + 1;
    }
    return words;
}

size_t word_errors(const std::vector<std::string>& said, const std::vector<std::string>& heard) {
    std::vector<size_t> before(heard.size() + 1);
    for (size_t j = 0; j <= heard.size(); ++j) {
        before[j] = j;
    }
    for (size_t i = 1; i <= said.size(); ++i) {
        std::vector<size_t> row(heard.size() + 1, i);
        for (size_t j = 1; j <= heard.size(); ++j) {
            const size_t change = before[j - 1] + (said[i - 1] == heard[j - 1] ? 0 : 1);
            row[j] = std::min({change, before[j] + 1, row[j - 1] + 1});
        }
        before.swap(row);
    }
    return before.back();
}

} // namespace mr::voice
