#include "worker/providers/retry.h"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace mr {
namespace {

using std::chrono::milliseconds;

constexpr double kLongestSeconds = 1e7; // anything above is nonsense

std::optional<double> number(std::string_view text) {
    double value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = result.ec == std::errc() && result.ptr == text.data() + text.size();
    return whole && value > 0 && value < kLongestSeconds ? std::optional(value) : std::nullopt;
}

} // namespace

bool passing_status(int status) noexcept {
    return status == 408 || status == 409 || status == 429 || status >= 500;
}

std::optional<bool> retry_wanted(const net::HttpHead& head) {
    const std::string_view word = head.header("x-should-retry");
    if (word == "true" || word == "false") {
        return word == "true";
    }
    return std::nullopt;
}

std::optional<milliseconds> retry_after(const net::HttpHead& head,
                                        std::chrono::system_clock::time_point now) {
    if (const auto ms = number(head.header("retry-after-ms"))) {
        return milliseconds(static_cast<std::int64_t>(*ms));
    }
    const std::string text(head.header("retry-after"));
    if (const auto seconds = number(text)) {
        return milliseconds(static_cast<std::int64_t>(*seconds * 1000));
    }
    const auto date = http_date(text);
    if (date && *date > now) {
        return std::chrono::duration_cast<milliseconds>(*date - now);
    }
    return std::nullopt;
}

std::optional<std::chrono::system_clock::time_point> http_date(const std::string& text) {
    std::tm parts{};
    const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == nullptr || *end != '\0') {
        return std::nullopt;
    }
    return std::chrono::system_clock::from_time_t(timegm(&parts));
}

milliseconds retry_backoff(int retry, double random) noexcept {
    const auto doubled = kRetryBase * (1 << std::clamp(retry, 0, 10));
    const double whole = static_cast<double>(std::min<milliseconds>(doubled, kRetryMax).count());
    return milliseconds(static_cast<std::int64_t>(whole * (0.75 + 0.25 * random)));
}

} // namespace mr
