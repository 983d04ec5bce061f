// W3C Trace Context: takes a client's `traceparent` over or starts a trace of our own. Owns the 55
// characters; never samples, never exports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mr {

inline constexpr size_t kTraceparentChars = 55; // version 00
inline constexpr size_t kTraceIdChars = 32;
inline constexpr size_t kTraceRandomBytes = 24; // trace id and parent id

struct TraceContext {
    char chars[kTraceparentChars] = {};

    // `00-<trace id>-<parent id>-<flags>`, or empty before one of the functions below has run.
    std::string_view view() const noexcept {
        return {chars, chars[0] == 0 ? 0 : kTraceparentChars};
    }
    std::string_view trace_id() const noexcept {
        return {chars + 3, chars[0] == 0 ? 0 : kTraceIdChars};
    }
};

// Copies a valid header value; false leaves `out` alone. Later versions are read as version 00, as
// the recommendation asks (section 3.2.4).
bool accept_traceparent(std::string_view header, TraceContext& out) noexcept;

void make_traceparent(const uint8_t random[kTraceRandomBytes], TraceContext& out) noexcept;

} // namespace mr
