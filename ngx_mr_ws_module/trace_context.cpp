#include "ngx_mr_ws_module/trace_context.h"

#include <cstring>
#include <span>

namespace mr {
namespace {

constexpr size_t kTraceAt = 3;
constexpr size_t kParentAt = 36;
constexpr size_t kFlagsAt = 53;
constexpr size_t kParentIdChars = 16;
constexpr size_t kTraceIdBytes = kTraceIdChars / 2;
constexpr uint8_t kSampled = 0x01;
constexpr char kHex[] = "0123456789abcdef";

bool is_hex(const char* text, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        const char c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

bool is_zero(const char* text, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        if (text[i] != '0') {
            return false;
        }
    }
    return true;
}

uint8_t digit(char c) {
    return static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10);
}

// Of digits that is_hex() has seen.
void from_hex(const char* text, std::span<uint8_t> out) {
    for (uint8_t& byte : out) {
        byte = static_cast<uint8_t>(digit(text[0]) << 4 | digit(text[1]));
        text += 2;
    }
}

char* to_hex(std::span<const uint8_t> bytes, char* at) {
    for (const uint8_t byte : bytes) {
        *at++ = kHex[byte >> 4];
        *at++ = kHex[byte & 15];
    }
    return at;
}

} // namespace

bool accept_traceparent(std::string_view header, TraceContext& out) noexcept {
    if (header.size() < kTraceparentChars) {
        return false;
    }
    const char* text = header.data();
    const bool version_0 = header.starts_with("00");
    const bool longer = header.size() > kTraceparentChars;
    if (!is_hex(text, 2) || header.starts_with("ff") || (longer && version_0) ||
        (longer && text[kTraceparentChars] != '-')) {
        return false;
    }
    if (text[2] != '-' || text[kParentAt - 1] != '-' || text[kFlagsAt - 1] != '-' ||
        !is_hex(text + kTraceAt, kTraceIdChars) || !is_hex(text + kParentAt, kParentIdChars) ||
        !is_hex(text + kFlagsAt, 2) || is_zero(text + kTraceAt, kTraceIdChars) ||
        is_zero(text + kParentAt, kParentIdChars)) {
        return false;
    }
    const std::span<uint8_t> ids(out.ids);
    from_hex(text + kTraceAt, ids.first(kTraceIdBytes));
    from_hex(text + kParentAt, ids.subspan(kTraceIdBytes));
    from_hex(text + kFlagsAt, {&out.flags, 1});
    out.known = true;
    return true;
}

void make_traceparent(const uint8_t random[kTraceRandomBytes], TraceContext& out) noexcept {
    std::memcpy(out.ids, random, kTraceRandomBytes);
    out.flags = kSampled;
    out.known = true;
}

TraceText<kTraceparentChars> TraceContext::traceparent() const noexcept {
    TraceText<kTraceparentChars> text;
    if (known) {
        const std::span<const uint8_t> both(ids);
        std::memcpy(text.chars, "00-", kTraceAt);
        *to_hex(both.first(kTraceIdBytes), text.chars + kTraceAt) = '-';
        *to_hex(both.subspan(kTraceIdBytes), text.chars + kParentAt) = '-';
        to_hex({&flags, 1}, text.chars + kFlagsAt);
        text.length = kTraceparentChars;
    }
    return text;
}

TraceText<kTraceIdChars> TraceContext::trace_id() const noexcept {
    TraceText<kTraceIdChars> text;
    if (known) {
        to_hex(std::span(ids).first(kTraceIdBytes), text.chars);
        text.length = kTraceIdChars;
    }
    return text;
}

} // namespace mr
