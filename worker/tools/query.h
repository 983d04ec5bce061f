// How a tool gets rows: a writer makes a query of the tool's input, an engine runs it. A query that
// the engine refuses, though another wording may do, is written anew once, within the same time.
#pragma once

#include "worker/tools/tool.h"

namespace mr {

// Fills the finding's query and table, and says what kind each column is of. Its input is what is
// asked for; without one the question is.
Task<void> query_rows(SqlEngine& engine, SqlWriter& writer, const ToolRun& run,
                      ToolFinding& finding, CallContext& call);

} // namespace mr
