// Amounts and bounds in a question: "$1.5m", "over 250,000", "more than 3", "between 1 and 2
// million". Pure.
#pragma once

#include "worker/providers/local/text.h"

#include <optional>
#include <string>
#include <vector>

namespace mr::local {

struct Bound {
    std::string op; // ">", "<", ">=", "<="
    double value = 0;
    std::size_t first = 0; // word index
    std::size_t last = 0;
};

// Words that are `taken` (dates, names) are not read as amounts.
std::vector<Bound> find_bounds(const std::vector<Word>& words, const std::vector<bool>& taken);

// The number without a trailing ".0", as SQL text.
std::string number_text(double value);

} // namespace mr::local
