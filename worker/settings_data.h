// What the settings say about providers of data, in the words of the services.
#pragma once

#include "worker/pipeline/services.h"
#include "worker/settings.h"

namespace mr {

// The same for all of Google's APIs.
google::Access google_access(const Settings& settings);

void set_bigquery(const Settings& settings, ServiceSettings& services);

// Fills the data providers of `services`, and says in the log which are asked.
void set_data_providers(const Settings& settings, ServiceSettings& services);

} // namespace mr
