// The tasks of a turn done by a language model, whichever it is. Each keeps no state and may share
// its model with others. Models are asked in words that stand as versioned texts under
// worker/pipeline/prompts.
#pragma once

#include "worker/providers/model/chat_model.h"

#include <memory>

namespace mr::tasks {

// Names of projects as the question or the conversation has them: a name that stands in neither is
// a reply that cannot be used, or the turn would be about something nobody asked for.
std::unique_ptr<ProjectExtractor> make_extractor(std::shared_ptr<ChatModel> model);

// Known tools alone, each with its part of the question; a chart only beside a query, unless it has
// a semantic model of its own to ask, whose described tables are `semantic`.
std::unique_ptr<Router> make_router(std::shared_ptr<ChatModel> model,
                                    const std::string& semantic = {});

// One query in the engine's dialect. Whether it may be run is the engine's to say; the query that
// it gives back is written anew with the reason (SqlRequest::refused).
std::unique_ptr<SqlWriter> make_sql_writer(std::shared_ptr<ChatModel> model);

std::unique_ptr<Merger> make_merger(std::shared_ptr<ChatModel> model);

// Streams, goes on behind what was delivered, says nothing twice.
std::unique_ptr<Responder> make_responder(std::shared_ptr<ChatModel> model);

} // namespace mr::tasks
