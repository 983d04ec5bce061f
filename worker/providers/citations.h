// Texts that cite by numbers in brackets, "as agreed [1, 3]": giving the numbers another meaning.
// Pure; knows no provider.
#pragma once

#include "worker/providers/types.h"

#include <functional>
#include <string>
#include <string_view>

namespace mr {

// `number_of(n)` is what is cited instead of n, 0: nothing. `text_of` makes what stands between
// the citations; empty: it stays. "[1, 3]" becomes "[a][b]".
std::string with_citations(std::string_view text,
                           const std::function<std::size_t(std::size_t)>& number_of,
                           const std::function<std::string(std::string_view)>& text_of = {});

// The summary of a search, citing `sources` by their numbers.
std::string cited_summary(const DocumentHits& hits, const std::vector<Source>& sources,
                          const std::function<std::string(std::string_view)>& text_of = {});

} // namespace mr
