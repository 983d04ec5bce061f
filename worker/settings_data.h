// What the settings say about providers of data, in the words of the services.
#pragma once

#include "worker/pipeline/services.h"
#include "worker/settings.h"

namespace mr {

// The same for all of Google's APIs.
google::Access google_access(const Settings& settings);

template <typename Group> rest::Endpoint endpoint_of(const Group& from, const Settings& settings) {
    rest::Endpoint endpoint;
    endpoint.base_url = from.base_url;
    endpoint.ca_file = from.ca_file;
    endpoint.proxy = from.proxy;
    endpoint.connect_to = from.connect_to;
    endpoint.connect_timeout = settings.provider_connect_timeout;
    return endpoint;
}

// Throws std::runtime_error for entries that settings which were checked do not hold.
bigquery::Tables bigquery_tables(const BigQuerySettings& settings);

void set_bigquery(const Settings& settings, ServiceSettings& services);

// Fills the data providers of `services`, and says in the log which are asked.
void set_data_providers(const Settings& settings, ServiceSettings& services);

} // namespace mr
