// Access tokens of Google: of a service account, or of the machine (metadata server); kept and
// renewed as worker/providers/oauth does it.
//
// https://developers.google.com/identity/protocols/oauth2/service-account
// https://cloud.google.com/compute/docs/metadata/overview
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/credential.h"
#include "worker/providers/google/service_account.h"
#include "worker/providers/oauth/token.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace mr::google {

inline constexpr std::string_view kMetadataTokenPath =
    "/computeMetadata/v1/instance/service-accounts/default/token";

struct TokenOptions {
    std::optional<ServiceAccount> account; // null: the metadata server is asked
    std::string token_url;                 // instead of the account's own, when not empty
    std::string metadata_url = "http://metadata.google.internal";
    std::chrono::milliseconds connect_timeout{5'000};
    std::string ca_file; // these two instead of the HTTP client's own, when not empty
    std::string proxy;
    std::chrono::milliseconds retry_base = oauth::kTokenRetryBase;
};

std::shared_ptr<Credential> make_token_credential(std::shared_ptr<net::HttpClient> http,
                                                  TokenOptions options);

} // namespace mr::google
