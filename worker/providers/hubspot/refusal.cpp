// What HubSpot's refusals mean: by the policy that a limit names first, by status second.
#include "worker/providers/hubspot/records.h"
#include "worker/providers/remote_json.h"
#include "worker/providers/retry.h"

#include <algorithm>

namespace mr::hubspot {
namespace {

using nlohmann::json;
using rest::Refusal;
using std::chrono::milliseconds;

constexpr int kLocked = 423;
constexpr int kMigrating = 477;
constexpr int kLockedWait = 2; // in units of the retry base, like those below
constexpr int kRollingWait = 10;

std::string text_in(const json& body, const char* part) {
    return text_of(member(body, part));
}

std::string detail_of(int status, const json& body) {
    std::string detail = "status " + std::to_string(status);
    for (const char* part : {"category", "policyName", "message", "correlationId"}) {
        const std::string text = text_in(body, part);
        if (!text.empty()) {
            detail += ", " + text.substr(0, kMaxNameBytes);
        }
    }
    return detail;
}

Refusal over_a_limit(const net::HttpResponse& response, const json& body, const Options& options,
                     int tried) {
    Refusal refusal{
        ProviderFault::rate_limited, "HubSpot is asked too often at the moment", {}, {}};
    const std::string policy = text_in(body, "policyName");
    if (policy == "DAILY") {
        refusal.text = "HubSpot's limit for today is used up";
        return refusal;
    }
    const int units = policy.starts_with("TEN_SECONDLY") ? kRollingWait : 1;
    refusal.wait = retry_after(response.head, std::chrono::system_clock::now())
                       .value_or(options.retry_base * (units * tried));
    return refusal;
}

Refusal meaning_of(const net::HttpResponse& response, const json& body, const Options& options,
                   int tried, bool filtered) {
    const int status = response.head.status;
    if (status == 429) {
        return over_a_limit(response, body, options, tried);
    }
    if (status == kLocked || status == kMigrating || status == 408 || status >= 500) {
        const milliseconds own = options.retry_base * (status == kLocked ? kLockedWait : tried);
        return {ProviderFault::unavailable,
                "HubSpot is not available at the moment",
                retry_after(response.head, std::chrono::system_clock::now()).value_or(own),
                {}};
    }
    if (status == 400 && filtered &&
        text_in(body, "message").find(options.project_property) != std::string::npos) {
        return {ProviderFault::filter, "the project filter cannot be applied to HubSpot", {}, {}};
    }
    const bool access = status == 401 || status == 403;
    return {ProviderFault::bad_request,
            access ? "HubSpot refused us access" : "HubSpot did not accept the search",
            {},
            {}};
}

} // namespace

Refusal refusal_of(const net::HttpResponse& response, const Options& options, int tried,
                   bool filtered) {
    const json body = json::parse(response.body, nullptr, false);
    Refusal refusal = meaning_of(response, body, options, tried, filtered);
    refusal.detail = detail_of(response.head.status, body);
    return refusal;
}

} // namespace mr::hubspot
