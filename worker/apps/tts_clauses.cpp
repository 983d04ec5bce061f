#include "worker/apps/tts_clauses.h"

#include "worker/json_text.h"

namespace mr {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string_view trimmed_blanks(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

// Where the clause at the front of `text` ends, in bytes.
size_t clause_end(std::string_view text, bool first) {
    constexpr std::string_view kSentence = ".!?";
    constexpr std::string_view kBreath = ",;:";
    size_t blank = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool before_blank = i + 1 == text.size() || is_blank(text[i + 1]);
        if (text[i] == '\n' || (before_blank && kSentence.find(text[i]) != kSentence.npos)) {
            return i + 1;
        }
        if (first && i + 1 >= kFirstClauseBytes && before_blank &&
            kBreath.find(text[i]) != kBreath.npos) {
            return i + 1;
        }
        if (is_blank(text[i])) {
            blank = i;
        }
        if (i >= kLongClauseBytes) {
            return blank > 0 ? blank : text_within(text, kLongClauseBytes).size();
        }
    }
    return text.size();
}

} // namespace

std::vector<std::string> spoken_clauses(std::string_view text) {
    std::vector<std::string> clauses;
    text = trimmed_blanks(text);
    while (!text.empty()) {
        const size_t end = clause_end(text, clauses.empty());
        const std::string_view clause = trimmed_blanks(text.substr(0, end));
        if (!clause.empty()) {
            clauses.emplace_back(clause);
        }
        text = trimmed_blanks(text.substr(end));
    }
    return clauses;
}

} // namespace mr
