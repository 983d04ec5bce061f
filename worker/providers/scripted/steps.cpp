#include "worker/providers/scripted/steps.h"

#include "worker/async.h"

namespace mr::scripted {

using std::chrono::milliseconds;

Task<void> Steps::run(uint64_t ms, const CallContext& call) {
    if (upstream_.empty()) {
        if (ms > 0) {
            co_await sleep_for(milliseconds(static_cast<int64_t>(ms)));
        }
        co_return;
    }
    net::HttpRequest request("POST", upstream_);
    request.headers.push_back("Idempotency-Key: " + call.step);
    request.headers.push_back("Content-Type: text/plain");
    request.still_wanted = call.owned;
    request.body = "ms=" + std::to_string(ms);
    net::HttpResponse response;
    try {
        response = co_await client_.request(std::move(request));
    } catch (const net::HttpError& error) {
        const bool late = error.fault() == net::HttpFault::timeout;
        throw ProviderError(late ? ProviderFault::timeout : ProviderFault::unavailable,
                            "the step's upstream cannot be reached");
    }
    if (response.head.status != 200) {
        throw ProviderError(ProviderFault::unavailable, "the step's upstream refused it");
    }
}

} // namespace mr::scripted
