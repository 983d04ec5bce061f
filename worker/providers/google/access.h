// Who we are to Google where no API key says it: a service account, or the machine's own account.
// One way for all of Google's APIs that the worker asks.
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/credential.h"

#include <chrono>
#include <memory>
#include <string>

namespace mr::google {

struct Access {
    std::string credentials_file; // of a service account; empty: the machine's own account
    std::string token_url;        // instead of the one in the file, when not empty
    std::string metadata_url;     // tells the machine's own account
};

// How the token endpoint is reached: as the API that the tokens are for.
struct AccessRoute {
    std::chrono::milliseconds connect_timeout{5'000};
    std::string ca_file; // these two instead of the HTTP client's own, when not empty
    std::string proxy;
};

// The HTTP client is shared with other providers and outlives the result. Reads the credentials
// file; throws std::runtime_error that names it.
std::shared_ptr<Credential> make_credential(std::shared_ptr<net::HttpClient> http,
                                            const Access& access, const AccessRoute& route);

} // namespace mr::google
