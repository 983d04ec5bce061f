#include "worker/providers/google/access.h"

#include "worker/providers/google/token.h"

#include <stdexcept>
#include <utility>

namespace mr::google {

std::shared_ptr<Credential> make_credential(std::shared_ptr<net::HttpClient> http,
                                            const Access& access, const AccessRoute& route) {
    TokenOptions options;
    options.token_url = access.token_url;
    options.metadata_url = access.metadata_url;
    options.connect_timeout = route.connect_timeout;
    options.ca_file = route.ca_file;
    options.proxy = route.proxy;
    const std::string& file = access.credentials_file;
    if (file.empty()) { // this machine is asked about itself: never through the others' proxy
        return make_token_credential(std::make_shared<net::HttpClient>(), options);
    }
    try {
        options.account = read_service_account(file);
    } catch (const std::runtime_error& error) {
        throw std::runtime_error("credentials file " + file + ": " + error.what());
    }
    return make_token_credential(std::move(http), std::move(options));
}

} // namespace mr::google
