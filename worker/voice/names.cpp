#include "worker/voice/names.h"

#include "worker/data/sources.h"
#include "worker/voice/phonetic.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

namespace mr::voice {
namespace {

constexpr size_t kSameNameLetters = 2; // by which two spellings of one name may differ

void add(std::vector<std::string>& names, std::string_view name) {
    if (!name.empty() && std::ranges::find(names, name) == names.end()) {
        names.emplace_back(name);
    }
}

constexpr std::array<std::string_view, 20> kSmall = {
    "zero",     "one",     "two",     "three",     "four",     "five",    "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array<std::string_view, 10> kTens = {
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};

template <size_t N>
std::optional<unsigned> place_in(const std::array<std::string_view, N>& words,
                                 std::string_view word) {
    const auto at = std::ranges::find(words, word);
    if (word.empty() || at == words.end()) {
        return std::nullopt;
    }
    return static_cast<unsigned>(at - words.begin());
}

// "twenty five", "nine": how many words it takes, and its value.
struct Number {
    unsigned value = 0;
    size_t words = 0;
};
Number below_hundred(std::span<const std::string_view> words) {
    if (words.empty()) {
        return {};
    }
    if (const auto small = place_in(kSmall, words[0])) {
        return {*small, 1};
    }
    const auto tens = place_in(kTens, words[0]);
    if (!tens) {
        return {};
    }
    const auto ones = words.size() > 1 ? place_in(kSmall, words[1]) : std::nullopt;
    if (ones && *ones > 0 && *ones < 10) {
        return {*tens * 10 + *ones, 2};
    }
    return {*tens * 10, 1};
}

// "twenty twenty five", "two thousand and nine". None: words is 0.
Number year(std::span<const std::string_view> words) {
    if (words.size() >= 2 && words[0] == "twenty") {
        const Number rest = below_hundred(words.subspan(1));
        if (rest.words != 0 && rest.value >= 10) {
            return {2000 + rest.value, 1 + rest.words};
        }
    }
    if (words.size() >= 3 && words[0] == "two" && words[1] == "thousand") {
        const size_t skip = words[2] == "and" ? 3 : 2;
        const Number rest = below_hundred(words.subspan(std::min(skip, words.size())));
        if (rest.words != 0) {
            return {2000 + rest.value, skip + rest.words};
        }
    }
    return {};
}

constexpr std::array<std::string_view, 32> kTradePhrases = {"invoice",
                                                            "invoices",
                                                            "open invoices",
                                                            "overdue invoices",
                                                            "unpaid invoices",
                                                            "invoiced",
                                                            "outstanding",
                                                            "retainage",
                                                            "change order",
                                                            "change orders",
                                                            "purchase orders",
                                                            "bid",
                                                            "bids",
                                                            "bid win rate",
                                                            "subcontractor",
                                                            "subcontractors",
                                                            "vendors",
                                                            "inspection",
                                                            "failed inspection",
                                                            "inspections",
                                                            "crew hours",
                                                            "crews",
                                                            "roofing",
                                                            "punch list",
                                                            "submittals",
                                                            "permits",
                                                            "daily reports",
                                                            "general contractor",
                                                            "budget",
                                                            "overdue",
                                                            "safety incidents",
                                                            "meeting minutes"};

} // namespace

std::vector<std::string> likely_phrases(const SpeechNames& names) {
    std::vector<std::string> phrases = names.all();
    phrases.insert(phrases.end(), kTradePhrases.begin(), kTradePhrases.end());
    return phrases;
}

std::vector<std::string> SpeechNames::all() const {
    std::vector<std::string> names;
    for (const auto* part : {&projects, &companies, &people, &places, &trades}) {
        names.insert(names.end(), part->begin(), part->end());
    }
    return names;
}

SpeechNames demo_names() {
    SpeechNames names;
    const demo::SourceTable projects("projects.tsv");
    for (size_t i = 0; i < projects.size(); ++i) {
        add(names.projects, projects.at(i, "name"));
        for (const std::string_view nickname : demo::split(projects.at(i, "nicknames"), ';')) {
            // "Harbour Point" is how the name sounds already: one spelling of it is enough.
            const std::string name = spoken_form(projects.at(i, "name"));
            if (edit_distance(spoken_form(nickname), name, kSameNameLetters) > kSameNameLetters) {
                add(names.projects, nickname);
            }
        }
        add(names.companies, projects.at(i, "client"));
        add(names.places, projects.at(i, "city"));
        add(names.people, projects.at(i, "manager"));
        add(names.people, projects.at(i, "superintendent"));
    }
    const demo::SourceTable vendors("vendors.tsv");
    for (size_t i = 0; i < vendors.size(); ++i) {
        add(names.companies, vendors.at(i, "name"));
        add(names.trades, vendors.at(i, "trade"));
    }
    const demo::SourceTable companies("companies.tsv");
    for (size_t i = 0; i < companies.size(); ++i) {
        add(names.companies, companies.at(i, "name"));
    }
    return names;
}

std::string spoken_form(std::string_view written) {
    std::string spoken;
    for (size_t at = 0; at < written.size(); ++at) {
        const char c = written[at];
        if (c >= 'A' && c <= 'Z') {
            spoken += static_cast<char>(c - 'A' + 'a');
        } else if (c >= 'a' && c <= 'z') {
            spoken += c;
        } else if (c == '\'') {
            continue;
        } else if (c >= '0' && c <= '9') {
            return {};
        } else if (static_cast<unsigned char>(c) >= 0x80) {
            return {};
        } else if (!spoken.empty() && spoken.back() != ' ') {
            const bool saint = c == '.' && spoken.ends_with("st") &&
                               (spoken.size() == 2 || spoken[spoken.size() - 3] == ' ');
            spoken.replace(spoken.size() - (saint ? 2 : 0), saint ? 2 : 0, saint ? "saint" : "");
            spoken += ' ';
        }
    }
    if (!spoken.empty() && spoken.back() == ' ') {
        spoken.pop_back();
    }
    return spoken;
}

std::string written_years(std::string_view spoken) {
    const std::vector<std::string_view> words = demo::split(spoken, ' ');
    std::string written;
    for (size_t at = 0; at < words.size();) {
        const auto rest = std::span(words).subspan(at);
        const Number found = year(rest);
        const auto quarter = rest[0] == "q" && rest.size() > 1 ? place_in(kSmall, rest[1])
                                                               : std::optional<unsigned>();
        written += written.empty() ? "" : " ";
        if (found.words != 0) {
            written += std::to_string(found.value);
            at += found.words;
        } else if (quarter && *quarter >= 1 && *quarter <= 4) {
            written += "Q" + std::to_string(*quarter);
            at += 2;
        } else {
            written += rest[0];
            ++at;
        }
    }
    return written;
}

} // namespace mr::voice
