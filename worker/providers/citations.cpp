#include "worker/providers/citations.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace mr {
namespace {

constexpr std::size_t kMaxCitationBytes = 40; // a longer bracket is none
constexpr std::size_t kMaxNumber = 1'000;

struct Citation {
    std::vector<std::size_t> numbers;
    std::size_t bytes = 0; // with its brackets
};

std::optional<Citation> citation_at(std::string_view text) {
    Citation found;
    std::optional<std::size_t> number;
    for (std::size_t i = 1; i < text.size() && i < kMaxCitationBytes; ++i) {
        const char c = text[i];
        if (c >= '0' && c <= '9') {
            number =
                std::min(number.value_or(0) * 10 + static_cast<std::size_t>(c - '0'), kMaxNumber);
            continue;
        }
        if (c != ',' && c != ' ' && c != ']') {
            return std::nullopt;
        }
        if (number) {
            found.numbers.push_back(*number);
            number.reset();
        }
        if (c == ']') {
            found.bytes = i + 1;
            return found.numbers.empty() ? std::nullopt : std::optional(found);
        }
    }
    return std::nullopt;
}

} // namespace

std::string with_citations(std::string_view text,
                           const std::function<std::size_t(std::size_t)>& number_of,
                           const std::function<std::string(std::string_view)>& text_of) {
    std::string out;
    std::size_t begin = 0;
    const auto add_text = [&](std::size_t end) {
        const std::string_view piece = text.substr(begin, end - begin);
        out += text_of ? text_of(piece) : std::string(piece);
    };
    for (std::size_t at = 0; at < text.size();) {
        const auto found = text[at] == '[' ? citation_at(text.substr(at)) : std::nullopt;
        if (!found) {
            ++at;
            continue;
        }
        add_text(at);
        std::string cited;
        for (const std::size_t number : found->numbers) {
            const std::size_t instead = number_of(number);
            const std::string one = instead > 0 ? "[" + std::to_string(instead) + "]" : "";
            cited += cited.find(one) == std::string::npos ? one : "";
        }
        while (cited.empty() && out.ends_with(' ')) {
            out.pop_back();
        }
        out += cited;
        at += found->bytes;
        begin = at;
    }
    add_text(text.size());
    return out;
}

std::string cited_summary(const DocumentHits& hits, const std::vector<Source>& sources,
                          const std::function<std::string(std::string_view)>& text_of) {
    const auto number_of = [&](std::size_t number) -> std::size_t {
        if (number == 0 || number > hits.documents.size()) {
            return 0;
        }
        const auto found = std::find_if(sources.begin(), sources.end(), [&](const Source& source) {
            return source.id == hits.documents[number - 1].id;
        });
        return found == sources.end() ? 0 : static_cast<std::size_t>(found - sources.begin()) + 1;
    };
    return with_citations(hits.summary, number_of, text_of);
}

} // namespace mr
