// Access tokens of Microsoft Entra ID for an application of its own (client credentials); kept and
// renewed as worker/providers/oauth does it. A refusal names its AADSTS code and the cure in the
// log; the secret is in neither.
//
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
#pragma once

#include "worker/providers/oauth/token.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mr::entra {

inline constexpr std::string_view kAuthority = "https://login.microsoftonline.com";
inline constexpr std::string_view kPowerBiScope =
    "https://analysis.windows.net/powerbi/api/.default";

struct ClientOptions {
    std::string authority{kAuthority}; // of a national cloud: its own
    std::string tenant;                // id or domain
    std::string client_id;
    std::string client_secret;
    std::string scope{kPowerBiScope}; // what the token is good for
    std::string ca_file;              // these three instead of the HTTP client's, when not empty
    std::string proxy;
    std::string connect_to;
    oauth::Timing timing;
};

std::shared_ptr<Credential> make_client_credential(std::shared_ptr<net::HttpClient> http,
                                                   ClientOptions options);

// What the owner of the deployment is to do about an AADSTS code; empty for codes not known here.
std::string_view cure_of(std::int64_t code) noexcept;

// Where a token is asked for, below the authority, and by which form.
std::string token_path(const std::string& tenant);
std::string token_form(const std::string& client_id, const std::string& client_secret,
                       const std::string& scope);

} // namespace mr::entra
