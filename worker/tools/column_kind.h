// What the columns of a result are (money, count, date, ...): from the query writer's own account,
// else from their names and values. Pure.
#pragma once

#include "worker/providers/types.h"

namespace mr {

// `meaning` may hold "columns": [{"name","kind"}].
void set_column_kinds(SqlTable& table, const nlohmann::json& meaning);

} // namespace mr
