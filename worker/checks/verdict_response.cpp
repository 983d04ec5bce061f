// A response: what its status and its error object mean, and what to do.
#include "worker/checks/verdict_parts.h"

#include <algorithm>
#include <iterator>

namespace mr::checkup {
namespace {

struct Word {
    std::string_view word;
    Trouble trouble;
};

// In groups; what stands further up counts more where an error has several words.
constexpr Word kWords[] = {
    {"insufficient_quota", Trouble::quota},
    {"credit_balance_exhausted", Trouble::quota},
    {"organization_spend_limit_exceeded", Trouble::quota},
    {"project_spend_limit_exceeded", Trouble::quota},
    {"organization_usage_limit_exceeded", Trouble::quota},
    {"billing_error", Trouble::quota},
    {"enforced_spend_limit_reached", Trouble::quota},
    {"contract_spend_limit_reached", Trouble::quota},
    {"quotaExceeded", Trouble::quota},
    {"billingNotEnabled", Trouble::quota},
    {"BILLING_DISABLED", Trouble::quota},
    {"DAILY", Trouble::quota},
    {kDailyQuota, Trouble::quota},
    {"quota_exceeded", Trouble::quota},
    {"paid_plan_required", Trouble::quota},
    {"ASR_PAYMENT_REQUIRED", Trouble::quota},
    {"unsupported_country_region_territory", Trouble::region},
    {"unsupported_country", Trouble::region},
    {"API_KEY_INVALID", Trouble::key},
    {"invalid_api_key", Trouble::key},
    {"authentication_error", Trouble::key},
    {"INVALID_AUTHENTICATION", Trouble::key},
    {"UNAUTHENTICATED", Trouble::key},
    {"invalid_client", Trouble::key},
    {"INVALID_AUTH", Trouble::key},
    {"SERVICE_DISABLED", Trouble::permission},
    {"MISSING_SCOPES", Trouble::permission},
    {"missing_permissions", Trouble::permission},
    {"INSUFFICIENT_PERMISSIONS", Trouble::permission},
    {"permission_error", Trouble::permission},
    {"accessDenied", Trouble::permission},
    {"rate_limit_exceeded", Trouble::busy},
    {"rateLimitExceeded", Trouble::busy},
    {"slow_down", Trouble::busy},
    {"rate_limit_error", Trouble::busy},
    {"RESOURCE_EXHAUSTED", Trouble::busy},
    {"too_many_concurrent_requests", Trouble::busy},
    {"system_busy", Trouble::busy},
    {"TOO_MANY_REQUESTS", Trouble::busy},
    {"model_not_found", Trouble::missing},
    {"not_found_error", Trouble::missing},
    {"notFound", Trouble::missing},
    {"NOT_FOUND", Trouble::missing},
    {"PowerBIEntityNotFound", Trouble::missing},
    {"voice_not_found", Trouble::missing},
};

Trouble meaning_of(const ErrorWords& error, int status) {
    for (const Word& known : kWords) {
        if (error.has(known.word)) {
            return known.trouble;
        }
    }
    switch (status) {
    case 401:
        return Trouble::key;
    case 402:
        return Trouble::quota;
    case 403:
        return Trouble::permission;
    case 404:
        return Trouble::missing;
    case 407:
        return Trouble::proxy;
    case 429:
        return Trouble::busy;
    default:
        return status >= 500 || status == 408 ? Trouble::server : Trouble::request;
    }
}

// Google says it in words alone (400 FAILED_PRECONDITION).
bool speaks_of_region(const ErrorWords& error) {
    return error.message.find("location is not supported") != std::string::npos ||
           error.message.find("not available in your region") != std::string::npos;
}

bool is_page(const Reply& reply) {
    const std::size_t first = reply.body.find_first_not_of(" \t\r\n");
    const bool markup = first != std::string::npos && reply.body[first] == '<';
    return markup || reply.head.header("content-type").starts_with("text/html");
}

std::string status_words(int status, const ErrorWords& error) {
    std::string text = std::to_string(status);
    if (!error.message.empty()) {
        text += ": " + error.message;
    }
    return text;
}

// The first word of the error that decided; for the user to look up.
std::string named(int status, const ErrorWords& error) {
    for (const Word& known : kWords) {
        if (error.has(known.word)) {
            return std::to_string(status) + " " + std::string(known.word);
        }
    }
    return std::to_string(status);
}

void refused(Trouble trouble, int status, const ErrorWords& error, const Target& target,
             Finding& finding) {
    const std::string& label = target.label;
    switch (trouble) {
    case Trouble::key: // never in the provider's words, which may have parts of the key
        finding.authorised = false;
        fail(finding, trouble,
             label + (target.secret.empty() ? " wants a key" : " refuses the key") + " (" +
                 named(status, error) + ")",
             target.key_cure);
        break;
    case Trouble::permission:
        finding.authorised = false;
        fail(finding, trouble, label + " does not allow this (" + status_words(status, error) + ")",
             target.permission_cure);
        break;
    case Trouble::region:
        finding.authorised = false;
        fail(finding, trouble,
             label + " does not serve this region (" + status_words(status, error) + ")",
             target.region_cure);
        break;
    case Trouble::missing:
        finding.authorised = true;
        finding.there = false;
        fail(finding, trouble, label + " has no " + target.missing + " for us",
             target.missing_cure);
        break;
    case Trouble::quota:
        finding.authorised = true;
        fail(finding, trouble, label + "'s quota is used up (" + named(status, error) + ")",
             target.quota_cure);
        break;
    case Trouble::busy:
        finding.authorised = true;
        fail(finding, trouble, label + " is asked too often (" + named(status, error) + ")",
             "wait a minute and try again; if it lasts, have the rate limit raised, or ask less");
        break;
    default:
        fail(finding, Trouble::request,
             label + " does not take the call (" + status_words(status, error) + ")",
             "is " + target.url_setting + " right, with the version of the API?");
    }
}

} // namespace

bool judge_response(const Reply& reply, const Target& target, Finding& finding) {
    const int status = reply.head.status;
    if (reply.success()) {
        return true;
    }
    const ErrorWords error = error_words(reply.json, target.secret);
    const Trouble trouble = meaning_of(error, status);
    if (status == 407) {
        finding.reachable = false;
        fail(finding, Trouble::proxy, "the proxy wants a user and a password (407)",
             "write them into provider_proxy (or " + target.proxy_setting +
                 "): http://user:password@host:port");
    } else if (trouble == Trouble::server) {
        fail(finding, trouble,
             target.label + " has a problem of its own (" + status_words(status, error) + ")",
             "try again later; if it lasts, see the provider's status page");
    } else if (status / 100 == 3) {
        fail(finding, Trouble::not_api,
             target.label + "'s address leads elsewhere (" + std::to_string(status) + ")",
             "correct " + target.url_setting + "; redirects are not followed");
    } else if (is_page(reply)) {
        fail(finding, Trouble::not_api,
             "a web page instead of " + target.label + "'s reply (" + std::to_string(status) + ")",
             "is " + target.url_setting +
                 " right? A proxy or a login page of the network may be in between");
    } else if (status / 100 == 2) {
        fail(finding, Trouble::not_api,
             "what answers is not " + target.label + "'s API (" + std::to_string(status) + ")",
             "is " + target.url_setting + " right, with the version of the API?");
    } else {
        refused(speaks_of_region(error) ? Trouble::region : trouble, status, error, target,
                finding);
    }
    return false;
}

} // namespace mr::checkup
