// Access tokens of Google: of a service account, or of the machine (metadata server). One token is
// kept and renewed before it ends; however many calls need a new one, one request is made for it.
//
// https://developers.google.com/identity/protocols/oauth2/service-account
// https://cloud.google.com/compute/docs/metadata/overview
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/credential.h"
#include "worker/providers/google/service_account.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace mr::google {

// A token is renewed when less than this is left of it.
inline constexpr std::chrono::seconds kRenewBefore{225};
inline constexpr int kTokenTries = 3;
inline constexpr std::chrono::milliseconds kTokenRetryBase{1'000}; // doubled for each retry

struct TokenOptions {
    std::optional<ServiceAccount> account; // null: the metadata server is asked
    std::string token_url;                 // instead of the account's own, when not empty
    std::string metadata_url = "http://metadata.google.internal";
    std::chrono::milliseconds connect_timeout{5'000};
    std::string ca_file; // these two instead of the HTTP client's own, when not empty
    std::string proxy;
    std::chrono::milliseconds retry_base = kTokenRetryBase;
};

std::shared_ptr<Credential> make_token_credential(std::shared_ptr<net::HttpClient> http,
                                                  TokenOptions options);

} // namespace mr::google
