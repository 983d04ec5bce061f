// Writes the rows of the demo company into an empty SQLite database: schema, rows, full-text index.
// It never decides a value and never opens or names a file.
#pragma once

#include "worker/data/model.h"
#include "worker/data/sqlite.h"

namespace mr::demo {

// One transaction; the database must be empty and open for writing.
void store_demo_data(sqlite::Database& database, const DemoData& data);

} // namespace mr::demo
