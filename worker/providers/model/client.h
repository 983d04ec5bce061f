// A ChatModel over HTTP: one dialect, one credential, and what is shared by all providers: retries,
// what was refused left out from then on, streams that wait for their readers, log lines without
// secrets.
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/credential.h"
#include "worker/providers/model/dialect.h"
#include "worker/providers/model/options.h"

#include <memory>

namespace mr::model {

// The HTTP client is shared with other providers and outlives the result.
std::shared_ptr<ChatModel> make_client(std::shared_ptr<net::HttpClient> http,
                                       std::unique_ptr<Dialect> dialect,
                                       std::shared_ptr<Credential> credential, Options options);

} // namespace mr::model
