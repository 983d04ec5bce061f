// Access tokens of OAuth 2.0, whoever gives them out (RFC 6749): one token is kept and renewed
// before it ends; however many calls need a new one, one request is made for it. What is asked and
// how the reply is read is the token source's to say; retries, time limits and the log are here.
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/credential.h"

#include <chrono>
#include <memory>
#include <string>

namespace mr::oauth {

// A token is renewed when less than this is left of it.
inline constexpr std::chrono::seconds kRenewBefore{225};
inline constexpr std::chrono::seconds kShortestLife{30}; // a token that says less, or nothing
inline constexpr int kTokenTries = 3;
inline constexpr std::chrono::milliseconds kTokenRetryBase{1'000}; // doubled for each retry
inline constexpr std::chrono::milliseconds kTokenTimeout{10'000};  // of one try
inline constexpr std::size_t kMaxTokenReplyBytes = 64 * 1024;
inline constexpr std::size_t kMaxErrorBytes = 100; // of an error's name in the log

// What a request for a token came to.
struct Reply {
    std::string token; // empty: there is none
    std::chrono::seconds life{};
    std::string trouble;  // for the log, without secrets
    bool passing = false; // another try may help
    bool reached = true;  // false: there is no secure connection to whoever gives it
};

Reply trouble(std::string what, bool passing);
// The token of a reply that succeeded; it goes into a header, and what cannot is none.
Reply token_in(const nlohmann::json& object);
// The errors that RFC 6749 and its followers call passing, and the statuses that are.
bool passing_error(int status, const std::string& error);

// One way to get a token. Owns its secret.
class TokenSource {
  public:
    virtual ~TokenSource() = default;
    virtual std::string_view provider() const = 0; // in logs and metrics: "google"
    virtual std::string label() const = 0;         // who gives it out, for users: "Google"
    virtual std::string kind() const = 0; // of the credential, for the log: "service account"
    virtual std::chrono::milliseconds limit() const { return kTokenTimeout; } // of one try
    // With everything but time limits and the bound of the reply.
    virtual net::HttpRequest request() const = 0;
    virtual Reply read(const net::HttpResponse& response) const = 0;
    virtual std::string redacted(std::string text) const { return text; }
};

struct Timing {
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds retry_base = kTokenRetryBase;
};

// Headers are "Authorization: Bearer …".
std::shared_ptr<Credential> make_credential(std::shared_ptr<net::HttpClient> http,
                                            std::unique_ptr<TokenSource> source, Timing timing);

} // namespace mr::oauth
