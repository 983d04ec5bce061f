// What the settings say about language models, in the words of the services.
#pragma once

#include "worker/pipeline/services.h"
#include "worker/settings.h"

namespace mr {

// Fills models, tasks and http of `services`, and says in the log who does what when any model is
// to be asked.
void set_models(const Settings& settings, ServiceSettings& services);

} // namespace mr
