// Words of GoogleSQL as the guard sees them. Functions and keywords that are not here are refused.
#pragma once

#include <string_view>

namespace mr::bigquery {

// Reserved words, and words that may stand before a parenthesis, without a danger of their own.
bool is_keyword(std::string_view word);
// Words that have no place in a query that only looks something up.
bool is_forbidden(std::string_view word);
// Functions without effects, cost or knowledge of anything but their arguments and the time.
bool is_function(std::string_view word);

} // namespace mr::bigquery
