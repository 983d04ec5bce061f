// Providers that do what the question's script says (script.h), for the app `bench`: the pipeline,
// the checkpoints and the relay are those of every turn, only the work is prescribed. They ask
// nobody and keep no state of any question.
#pragma once

#include "worker/pipeline/services.h"

#include <memory>

namespace mr::scripted {

std::unique_ptr<Services> make_services();

} // namespace mr::scripted
