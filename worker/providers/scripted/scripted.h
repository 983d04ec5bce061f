// Providers that do what the question's script says (script.h), for the app `bench`: the pipeline,
// the checkpoints and the relay are those of every turn, only the work is prescribed. They keep
// no state of any question.
#pragma once

#include "worker/pipeline/services.h"

#include <memory>
#include <string>

namespace mr::scripted {

// `upstream` as in steps.h, or empty.
std::unique_ptr<Services> make_services(const std::string& upstream);

} // namespace mr::scripted
