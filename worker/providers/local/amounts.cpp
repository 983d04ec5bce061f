#include "worker/providers/local/amounts.h"

#include "worker/providers/local/time_range.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace mr::local {
namespace {

struct Amount {
    double value = 0;
    std::size_t last = 0;
    bool scaled = false; // "million" or the like was said
};

double scale_of(std::string_view word) {
    if (word == "k" || word == "thousand") {
        return 1e3;
    }
    if (word == "m" || word == "mio" || word == "mn" || word == "million") {
        return 1e6;
    }
    if (word == "b" || word == "bn" || word == "billion") {
        return 1e9;
    }
    return 0;
}

std::optional<Amount> read_amount(const std::vector<Word>& words, const std::vector<bool>& taken,
                                  std::size_t i) {
    if (i >= words.size() || taken[i]) {
        return std::nullopt;
    }
    std::string digits;
    std::string suffix;
    for (const char c : words[i].text) {
        if ((c >= '0' && c <= '9') || c == '.') {
            digits += c;
        } else if (c != '$' && c != ',' && c != '%') {
            suffix += c;
        }
    }
    Amount amount;
    amount.last = i + 1;
    if (digits.empty()) {
        const int small = small_number(words[i].text);
        if (small == 0) {
            return std::nullopt;
        }
        amount.value = small;
    } else {
        amount.value = std::strtod(digits.c_str(), nullptr);
        const double scale = suffix.empty() ? 1 : scale_of(suffix);
        if (scale == 0 || digits.size() > 15) {
            return std::nullopt;
        }
        amount.scaled = scale > 1;
        amount.value *= scale;
    }
    if (amount.last < words.size() && !amount.scaled) {
        if (const double scale = scale_of(words[amount.last].text); scale > 0) {
            amount.value *= scale;
            amount.scaled = true;
            ++amount.last;
        }
    }
    return amount;
}

struct BoundWords {
    std::array<std::string_view, 3> words;
    std::string_view op;
};
constexpr BoundWords kBoundWords[] = {
    {{"more", "than", ""}, ">"},     {{"greater", "than", ""}, ">"}, {{"larger", "than", ""}, ">"},
    {{"bigger", "than", ""}, ">"},   {{"higher", "than", ""}, ">"},  {{"less", "than", ""}, "<"},
    {{"fewer", "than", ""}, "<"},    {{"smaller", "than", ""}, "<"}, {{"lower", "than", ""}, "<"},
    {{"at", "least", ""}, ">="},     {{"at", "most", ""}, "<="},     {{"no", "more", "than"}, "<="},
    {{"not", "more", "than"}, "<="}, {{"over", "", ""}, ">"},        {{"above", "", ""}, ">"},
    {{"exceeding", "", ""}, ">"},    {{"under", "", ""}, "<"},       {{"below", "", ""}, "<"},
};

// Behind the words of a bound at i; 0 when there is none.
std::pair<std::size_t, std::string_view> bound_words(const std::vector<Word>& words,
                                                     std::size_t i) {
    for (const BoundWords& bound : kBoundWords) {
        std::size_t count = 0;
        while (count < bound.words.size() && !bound.words[count].empty() &&
               i + count < words.size() && words[i + count].text == bound.words[count]) {
            ++count;
        }
        if (count > 0 && (count == bound.words.size() || bound.words[count].empty())) {
            return {i + count, bound.op};
        }
    }
    return {0, ""};
}

} // namespace

std::vector<Bound> find_bounds(const std::vector<Word>& words, const std::vector<bool>& taken) {
    std::vector<Bound> bounds;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i].text == "between") {
            auto low = read_amount(words, taken, i + 1);
            if (low && low->last < words.size() && words[low->last].text == "and") {
                if (const auto high = read_amount(words, taken, low->last + 1)) {
                    // "between 1 and 2 million": the scale counts for both.
                    const bool shared = high->scaled && !low->scaled && low->value < 1000;
                    if (shared && high->value >= 1e3) {
                        low->value *= high->value >= 1e9 ? 1e9 : high->value >= 1e6 ? 1e6 : 1e3;
                    }
                    bounds.push_back({">=", low->value, i, high->last});
                    bounds.push_back({"<=", high->value, i, high->last});
                    i = high->last - 1;
                }
            }
            continue;
        }
        const auto [behind, op] = bound_words(words, i);
        if (behind == 0) {
            continue;
        }
        if (const auto amount = read_amount(words, taken, behind)) {
            bounds.push_back({std::string(op), amount->value, i, amount->last});
            i = amount->last - 1;
        }
    }
    return bounds;
}

std::string number_text(double value) {
    std::array<char, 40> text{};
    const bool whole = value == std::floor(value) && std::fabs(value) < 1e15;
    std::snprintf(text.data(), text.size(), whole ? "%.0f" : "%.6g", value);
    return text.data();
}

} // namespace mr::local
