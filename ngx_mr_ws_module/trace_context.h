// W3C Trace Context: takes a client's `traceparent` over or starts a trace of our own. Owns the ids
// as bytes, for every connection keeps them, and their form as text; never samples, never exports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mr {

inline constexpr size_t kTraceparentChars = 55; // version 00
inline constexpr size_t kTraceIdChars = 32;
inline constexpr size_t kTraceRandomBytes = 24; // trace id and parent id

// Text of a trace, by value: as long as the expression it is made in, or a name of its own.
template <size_t kChars> struct TraceText {
    char chars[kChars];
    size_t length = 0;

    operator std::string_view() const noexcept { return {chars, length}; }
};

struct TraceContext {
    uint8_t ids[kTraceRandomBytes] = {}; // trace id, parent id
    uint8_t flags = 0;
    bool known = false; // one of the functions below has run; else all text is empty

    // `00-<trace id>-<parent id>-<flags>`
    TraceText<kTraceparentChars> traceparent() const noexcept;
    TraceText<kTraceIdChars> trace_id() const noexcept;
};

// Copies a valid header value; false leaves `out` alone. Later versions are read as version 00, as
// the recommendation asks (section 3.2.4).
bool accept_traceparent(std::string_view header, TraceContext& out) noexcept;

void make_traceparent(const uint8_t random[kTraceRandomBytes], TraceContext& out) noexcept;

} // namespace mr
