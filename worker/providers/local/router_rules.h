// When documents are added to figures nobody asked documents for, and what they are searched for.
#pragma once

#include "worker/providers/local/intent.h"
#include "worker/providers/types.h"

#include <string>

namespace mr::local {

// Money of one project: its contract and letters can back the figures.
bool supporting_documents(const QueryIntent& query, const ProjectScope& scope);
std::string supporting_topic(const QueryIntent& query);

} // namespace mr::local
