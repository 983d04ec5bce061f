#include "worker/providers/call_log.h"

#include "worker/log.h"

#include <algorithm>
#include <array>

namespace mr {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, 7> kWhole = {
    "x-request-id", "request-id",     "openai-processing-ms",    "openai-version",
    "retry-after",  "retry-after-ms", "x-hubspot-correlation-id"};
constexpr std::array<std::string_view, 3> kBeginnings = {"x-ratelimit-", "anthropic-ratelimit-",
                                                         "x-hubspot-ratelimit-"};
constexpr std::size_t kTraceIdAt = 3; // of a traceparent: behind "00-"
constexpr std::size_t kTraceIdChars = 32;

bool telling(std::string_view name) {
    return std::find(kWhole.begin(), kWhole.end(), name) != kWhole.end() ||
           std::any_of(kBeginnings.begin(), kBeginnings.end(),
                       [name](std::string_view one) { return name.starts_with(one); });
}

} // namespace

std::string telling_headers(const net::HttpHead& head) {
    std::string text;
    for (const net::HttpHeader& header : head.headers) {
        if (!telling(header.name)) {
            continue;
        }
        const std::string word = header.name + "=" + header.value;
        if (text.size() + word.size() + 1 > kMaxLoggedHeadBytes) {
            break;
        }
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

void log_call(std::string_view provider, std::string_view operation, const net::HttpHead& head,
              std::chrono::steady_clock::time_point started, const Credential& credential) {
    if (!log::enabled(log::Level::debug)) {
        return;
    }
    const auto took = std::chrono::steady_clock::now() - started;
    log::debug("provider called", {{"provider", provider},
                                   {"operation", operation},
                                   {"status", head.status},
                                   {"ms", std::chrono::duration_cast<milliseconds>(took).count()},
                                   {"headers", credential.redacted(telling_headers(head))}});
}

std::string client_request_id(const CallContext& call) {
    std::string id;
    if (call.traceparent.size() >= kTraceIdAt + kTraceIdChars) {
        id = call.traceparent.substr(kTraceIdAt, kTraceIdChars) + "-";
    }
    id += call.step.substr(0, kMaxClientRequestId) + "-" + std::to_string(call.attempts);
    for (char& c : id) {
        c = c > ' ' && c < 0x7f ? c : '_';
    }
    return id.substr(0, kMaxClientRequestId);
}

} // namespace mr
