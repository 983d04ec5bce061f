// A query for a semantic model out of a question, by a language model.
#pragma once

#include "worker/providers/model/chat_model.h"
#include "worker/providers/powerbi/schema.h"

#include <memory>

namespace mr::tasks {

// One EVALUATE over the described schema (powerbi::read_dax); a query that is refused is given back
// to the model once, with the reason. `project` is the column of projects, empty for none.
std::unique_ptr<SqlWriter> make_dax_writer(std::shared_ptr<ChatModel> model,
                                           std::shared_ptr<const powerbi::Schema> schema,
                                           powerbi::ColumnName project);

} // namespace mr::tasks
