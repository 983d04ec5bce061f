#include "worker/providers/rest/api.h"

#include "worker/async.h"
#include "worker/log.h"
#include "worker/metrics/meters.h"
#include "worker/providers/call_log.h"
#include "worker/providers/retry.h"

#include <algorithm>
#include <utility>

namespace mr::rest {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;
using std::chrono::milliseconds;

constexpr int kUnauthorized = 401;

} // namespace

// One attempt: the reply, or why there is none.
struct Api::Outcome {
    json reply;
    std::optional<Refusal> refusal;
    int status = 0; // 0: there was no response
};

Api::Api(std::shared_ptr<net::HttpClient> http, std::shared_ptr<Credential> credential,
         ApiOptions options)
    : http_(std::move(http)), credential_(std::move(credential)), options_(std::move(options)) {
    while (options_.endpoint.base_url.ends_with('/')) {
        options_.endpoint.base_url.pop_back();
    }
}

Task<json> Api::call(ApiCall wanted, Judge judge, CallContext& context) {
    const int most = wanted.retried ? static_cast<int>(options_.max_retries) + 1 : 1;
    bool renewed = false;
    for (int tried = 1;; ++tried) {
        if (wanted.paced && options_.gate) {
            co_await options_.gate->admit(context);
        }
        Outcome outcome = co_await attempt(wanted, judge, tried, context);
        if (!outcome.refusal) {
            co_return std::move(outcome.reply);
        }
        Refusal& refusal = *outcome.refusal;
        const bool renew = outcome.status == kUnauthorized && !renewed && credential_->refused();
        if (renew) { // once, and beside the tries that are counted
            renewed = true;
            refusal.wait = milliseconds(0);
        }
        const bool again =
            renew || (refusal.wait && tried < most && *refusal.wait <= kRetryAskedMax &&
                      Clock::now() + *refusal.wait < context.deadline);
        log::warn("a call to a provider failed",
                  {{"provider", options_.provider},
                   {"operation", wanted.operation},
                   {"step", context.step},
                   {"fault", provider_fault_name(refusal.fault)},
                   {"cause", credential_->redacted(refusal.detail)},
                   {"attempt", tried},
                   {"retry_in_ms", again ? refusal.wait->count() : -1}});
        if (options_.gate && wanted.paced && refusal.wait &&
            refusal.fault == ProviderFault::rate_limited) {
            options_.gate->hold(*refusal.wait);
        }
        if (!again) {
            throw ProviderError(refusal.fault, refusal.text);
        }
        tried -= renew ? 1 : 0;
        ++context.attempts;
        metrics::meters().retries.at({options_.provider, provider_fault_name(refusal.fault)}).add();
        co_await sleep_for(*refusal.wait);
    }
}

Task<Api::Outcome> Api::attempt(const ApiCall& wanted, const Judge& judge, int tried,
                                CallContext& context) {
    std::string header = co_await credential_->header(context);
    net::HttpRequest request = request_of(wanted, context);
    if (!header.empty()) {
        request.headers.push_back(std::move(header));
    }
    Outcome outcome;
    metrics::RequestWatch watch(options_.provider, wanted.operation);
    try {
        const net::HttpResponse response = co_await http_->request(std::move(request));
        log_call(options_.provider, wanted.operation, response.head, watch.started(), *credential_);
        outcome = outcome_of(response, judge, tried);
    } catch (const net::HttpError& error) {
        outcome.refusal = no_response(error, tried);
    }
    watch.ended(outcome.refusal ? provider_fault_name(outcome.refusal->fault) : "ok");
    co_return outcome;
}

net::HttpRequest Api::request_of(const ApiCall& wanted, const CallContext& context) const {
    const Endpoint& endpoint = options_.endpoint;
    net::HttpRequest request(wanted.method, endpoint.base_url + wanted.path);
    request.headers.emplace_back("Accept: application/json");
    request.headers.insert(request.headers.end(), options_.headers.begin(), options_.headers.end());
    if (!wanted.body.empty()) {
        request.headers.emplace_back("Content-Type: application/json");
        request.body = wanted.body;
    }
    if (!context.traceparent.empty()) {
        request.headers.push_back("traceparent: " + context.traceparent);
    }
    const auto rest = std::chrono::duration_cast<milliseconds>(context.deadline - Clock::now());
    request.timeouts.connect = endpoint.connect_timeout;
    request.timeouts.first_byte = endpoint.first_byte_timeout;
    request.timeouts.total = std::max(rest, milliseconds(1));
    request.max_response_bytes = options_.max_reply_bytes;
    request.ca_file = endpoint.ca_file;
    request.proxy = endpoint.proxy;
    request.connect_to = endpoint.connect_to;
    request.still_wanted = context.owned;
    return request;
}

Api::Outcome Api::outcome_of(const net::HttpResponse& response, const Judge& judge,
                             int tried) const {
    Outcome outcome;
    outcome.status = response.head.status;
    if (outcome.status / 100 != 2) {
        outcome.refusal = judge(response, tried);
        return outcome;
    }
    outcome.reply = json::parse(response.body, nullptr, false);
    if (!outcome.reply.is_object()) {
        outcome.refusal =
            Refusal{ProviderFault::bad_reply, options_.label + "'s reply cannot be read",
                    options_.retry_base * tried, "the reply is no JSON object"};
    }
    return outcome;
}

Refusal Api::no_response(const net::HttpError& error, int tried) const {
    const bool late = error.fault() == net::HttpFault::timeout;
    const bool lasting =
        error.fault() == net::HttpFault::tls || error.fault() == net::HttpFault::bad_request ||
        error.fault() == net::HttpFault::withdrawn || error.fault() == net::HttpFault::too_large;
    Refusal refusal{late ? ProviderFault::timeout : ProviderFault::unavailable,
                    options_.label +
                        (late ? " did not answer in time" : " is not available at the moment"),
                    {},
                    error.what()};
    if (!lasting) {
        refusal.wait = options_.retry_base * tried;
    }
    return refusal;
}

std::string body_text(const json& body) {
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace mr::rest
