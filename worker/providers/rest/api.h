// A JSON API over HTTP as providers of data offer them: one call is one request with its
// credential, trace context and time limits, made again while the provider's own rules allow it.
// What its refusals mean is the provider's to say (Judge); its contents are the caller's.
//
// Failures end in ProviderError, whose text may be shown, and in a line of the log, which has the
// provider's words without secrets.
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/credential.h"
#include "worker/providers/interfaces.h"
#include "worker/providers/rest/rate_gate.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mr::rest {

inline constexpr std::size_t kMaxReplyBytes = 4 * 1024 * 1024; // unless the options say more
inline constexpr std::size_t kMaxDetailBytes = 300;            // of a provider's words in the log

// Where an API is and how it is reached.
struct Endpoint {
    std::string base_url; // without a slash at its end
    std::string ca_file;  // these three instead of the HTTP client's own, when not empty
    std::string proxy;
    std::string connect_to;
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds first_byte_timeout{30'000}; // cut by the call's deadline
};

// Why a call has no result, and whether another try may have one.
struct Refusal {
    ProviderFault fault = ProviderFault::unavailable;
    std::string text;                              // for the user
    std::optional<std::chrono::milliseconds> wait; // null: trying again does not help
    std::string detail;                            // for the log
};

// Of a response whose status is not 2xx, or whose body is no JSON object. `tried` counts from 1.
using Judge = std::function<Refusal(const net::HttpResponse& response, int tried)>;

struct ApiOptions {
    std::string provider; // in logs and metrics: "hubspot"
    std::string label;    // for users: "HubSpot"
    Endpoint endpoint;
    std::vector<std::string> headers; // lines that go with every call: "x-goog-user-project: p"
    unsigned max_retries = 2;
    std::size_t max_reply_bytes = kMaxReplyBytes;
    std::chrono::milliseconds retry_base{1'000}; // times the number of the try, when nobody says
    std::shared_ptr<RateGate> gate;              // null: calls are not paced
};

// From the options of a provider, which all have these three.
template <typename Options>
ApiOptions api_options(std::string provider, std::string label, const Options& options) {
    ApiOptions api;
    api.provider = std::move(provider);
    api.label = std::move(label);
    api.endpoint = options.endpoint;
    api.max_retries = options.max_retries;
    api.retry_base = options.retry_base;
    return api;
}

// A request to a path below the base URL.
struct ApiCall {
    ApiCall(std::string_view call_operation, std::string call_method, std::string call_path)
        : operation(call_operation), method(std::move(call_method)), path(std::move(call_path)) {}

    std::string_view operation; // in logs and metrics: "search". Outlives the call
    std::string method;
    std::string path; // with its query, from "/" on
    std::string body; // JSON; empty: none
    bool paced = true;
    bool retried = true; // false: one try
};

class Api {
  public:
    // The HTTP client is shared with other providers and outlives this.
    Api(std::shared_ptr<net::HttpClient> http, std::shared_ptr<Credential> credential,
        ApiOptions options);

    // The reply, a JSON object. Throws ProviderError.
    Task<nlohmann::json> call(ApiCall wanted, Judge judge, CallContext& context);

    const ApiOptions& options() const { return options_; }

  private:
    struct Outcome;
    Task<Outcome> attempt(const ApiCall& wanted, const Judge& judge, int tried,
                          CallContext& context);
    net::HttpRequest request_of(const ApiCall& wanted, const CallContext& context) const;
    Outcome outcome_of(const net::HttpResponse& response, const Judge& judge, int tried) const;
    Refusal no_response(const net::HttpError& error, int tried) const;

    std::shared_ptr<net::HttpClient> http_;
    std::shared_ptr<Credential> credential_;
    ApiOptions options_;
};

// The JSON text of a body; what is no UTF-8 in it is replaced.
std::string body_text(const nlohmann::json& body);

} // namespace mr::rest
