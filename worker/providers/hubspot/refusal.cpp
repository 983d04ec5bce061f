// What HubSpot's refusals mean: by the policy that a limit names first, by status second.
#include "worker/providers/hubspot/records.h"
#include "worker/providers/model/dialect.h"
#include "worker/providers/retry.h"

#include <algorithm>

namespace mr::hubspot {
namespace {

using std::chrono::milliseconds;

constexpr int kLocked = 423;
constexpr int kMigrating = 477;
constexpr int kLockedWait = 2; // in units of the retry base, like those below
constexpr int kRollingWait = 10;

Refusal over_a_limit(const net::HttpResponse& response, const nlohmann::json& body,
                     const Options& options, int tried) {
    Refusal refusal{ProviderFault::rate_limited, "HubSpot is asked too often at the moment", {}};
    const std::string policy = model::text_of(model::member(body, "policyName"));
    if (policy == "DAILY") {
        refusal.text = "HubSpot's limit for today is used up";
        return refusal;
    }
    const int units = policy.starts_with("TEN_SECONDLY") ? kRollingWait : 1;
    refusal.wait = retry_after(response.head, std::chrono::system_clock::now())
                       .value_or(options.retry_base * (units * tried));
    return refusal;
}

} // namespace

Refusal refusal_of(const net::HttpResponse& response, const Options& options, int tried,
                   bool filtered) {
    const int status = response.head.status;
    const nlohmann::json body = nlohmann::json::parse(response.body, nullptr, false);
    if (status == 429) {
        return over_a_limit(response, body, options, tried);
    }
    if (status == kLocked || status == kMigrating || status == 408 || status >= 500) {
        const milliseconds own = options.retry_base * (status == kLocked ? kLockedWait : tried);
        return {ProviderFault::unavailable, "HubSpot is not available at the moment",
                retry_after(response.head, std::chrono::system_clock::now()).value_or(own)};
    }
    if (status == 400 && filtered &&
        model::text_of(model::member(body, "message")).find(options.project_property) !=
            std::string::npos) {
        return {ProviderFault::filter, "the project filter cannot be applied to HubSpot", {}};
    }
    const bool access = status == 401 || status == 403;
    return {ProviderFault::bad_request,
            access ? "HubSpot refused us access" : "HubSpot did not accept the search",
            {}};
}

} // namespace mr::hubspot
