// The part of intent_modes.cpp that chooses figures. Each decide_ function leaves the query as it
// was and returns false when it does not apply.
#pragma once

#include "worker/providers/local/intent_draft.h"

#include <string>
#include <string_view>
#include <vector>

namespace mr::local {

bool decide_totals(const Draft& draft, const std::vector<std::string_view>& nouns,
                   QueryIntent& query);
bool decide_ranking(const Draft& draft, const std::vector<std::string_view>& nouns,
                    QueryIntent& query);
bool decide_counting(const Draft& draft, QueryIntent& query);

// The field that a table's noun stands for when something is counted per one of them; or "".
std::string_view field_of_noun(std::string_view noun);
void add_once(std::vector<std::string>& list, std::string_view value);

} // namespace mr::local
