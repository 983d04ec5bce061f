#include "ngx_mr_ws_module/trace_context.h"

#include <cstring>

namespace mr {
namespace {

constexpr size_t kTraceAt = 3;
constexpr size_t kParentAt = 36;
constexpr size_t kFlagsAt = 53;
constexpr size_t kParentIdChars = 16;
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
    std::memcpy(out.chars, text, kTraceparentChars);
    out.chars[0] = out.chars[1] = '0';
    return true;
}

void make_traceparent(const uint8_t random[kTraceRandomBytes], TraceContext& out) noexcept {
    std::memcpy(out.chars, "00-", kTraceAt);
    char* at = out.chars + kTraceAt;
    for (size_t i = 0; i < kTraceRandomBytes; ++i) {
        if (i == kTraceIdChars / 2) {
            *at++ = '-';
        }
        *at++ = kHex[random[i] >> 4];
        *at++ = kHex[random[i] & 15];
    }
    std::memcpy(at, "-01", 3);
}

} // namespace mr
