// When a call to an external provider is made again, and after what time. Decides; never sleeps,
// never calls. Rules: at most a few retries, only before anything reached the user; the reply's own
// word (x-should-retry, retry-after-ms, retry-after) before our own back-off.
#pragma once

#include "worker/net/http_client.h"

#include <chrono>
#include <optional>
#include <string>

namespace mr {

inline constexpr std::chrono::milliseconds kRetryBase{500};         // doubled for each retry
inline constexpr std::chrono::milliseconds kRetryMax{8'000};        // of our own back-off
inline constexpr std::chrono::milliseconds kRetryAskedMax{120'000}; // longer: not retried

// Statuses that may go away by themselves: 408, 409, 429 and 5xx.
bool passing_status(int status) noexcept;

// x-should-retry.
std::optional<bool> retry_wanted(const net::HttpHead& head);
// retry-after-ms, else retry-after: seconds, also with a fraction, or an HTTP date. Zero and dates
// that have passed count as not said.
std::optional<std::chrono::milliseconds> retry_after(const net::HttpHead& head,
                                                     std::chrono::system_clock::time_point now);
// An IMF-fixdate, as in the header Date (RFC 9110 section 5.6.7).
std::optional<std::chrono::system_clock::time_point> http_date(const std::string& text);
// `retry` counts from 0; `random` from 0 to 1 spreads it over the last quarter.
std::chrono::milliseconds retry_backoff(int retry, double random) noexcept;

} // namespace mr
