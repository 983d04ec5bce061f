// nginx's clock in four bytes, for what every connection keeps: milliseconds modulo 2^32, which is
// 49 days. A time that has not moved for so long looks young again for as long as it is compared
// with: what it is due for then comes by that much later, once.
#pragma once

#include "ngx_mr_ws_module/ngx.h"

#include <cstdint>

namespace mr {

inline uint32_t clock_ms() noexcept {
    return static_cast<uint32_t>(ngx_current_msec);
}

// Now, where 0 means never. Not a moment ahead of now: that would look 49 days old.
inline uint32_t clock_mark() noexcept {
    const uint32_t now = clock_ms();
    return now != 0 ? now : UINT32_MAX;
}

// `limit_ms` or more have passed since then.
inline bool clock_passed(uint32_t since_ms, ngx_msec_t limit_ms) noexcept {
    return clock_ms() - since_ms >= limit_ms;
}

} // namespace mr
