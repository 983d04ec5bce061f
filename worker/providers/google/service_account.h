// A Google service account's key file, and the assertion that is signed with its key (RFC 7523, JWT
// with RS256). Pure but for the clock that is given; no network.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace mr::google {

inline constexpr std::string_view kCloudScope = "https://www.googleapis.com/auth/cloud-platform";
inline constexpr std::string_view kTokenUrl = "https://oauth2.googleapis.com/token";
inline constexpr std::size_t kMaxKeyFileBytes = 64 * 1024;

struct ServiceAccount {
    std::string email;
    std::string private_key; // PKCS#8 PEM
    std::string key_id;      // may be empty
    std::string token_uri;
};

// Throws std::runtime_error that says what is wrong, without anything of the contents.
ServiceAccount parse_service_account(std::string_view json);
ServiceAccount read_service_account(const std::string& path);

// Good for an hour from `now`. Throws std::runtime_error when the key is none.
std::string signed_assertion(const ServiceAccount& account, std::string_view scope,
                             std::chrono::system_clock::time_point now);

// The body by which a token is asked for with it (RFC 7523 section 2.1), a form.
std::string assertion_form(const std::string& assertion);

} // namespace mr::google
