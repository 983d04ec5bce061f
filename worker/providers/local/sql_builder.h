// Writes the SQL for a query intent: one SELECT over the catalogue's subjects, all values quoted.
// Pure. The result still passes the same validation as any other writer's.
#pragma once

#include "worker/providers/local/intent.h"
#include "worker/providers/types.h"

#include <string_view>

namespace mr::local {

// Throws ProviderError{bad_request} when a filter or grouping does not exist for what is asked.
SqlQuery build_sql(const QueryIntent& intent, const ProjectScope& scope, std::string_view today);

} // namespace mr::local
