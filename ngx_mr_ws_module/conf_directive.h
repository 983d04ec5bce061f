// What the handlers of directives share: their arguments, their two answers other than NGX_CONF_OK
// (ngx_conf_file.c logs the text of one that is no NGX_CONF_ERROR), and the units of their ranges.
#pragma once

#include "ngx_mr_ws_module/ngx.h"

namespace mr {

inline constexpr size_t kSecondMs = 1000;
inline constexpr size_t kHourMs = 3600 * kSecondMs;
inline constexpr size_t kKiB = 1024;
inline constexpr size_t kMiB = 1024 * kKiB;

// The directive's name is the first.
inline ngx_str_t* conf_arguments(ngx_conf_t* cf) noexcept {
    return static_cast<ngx_str_t*>(cf->args->elts);
}

// Of what has been logged.
inline char* conf_failed() noexcept {
    return static_cast<char*>(NGX_CONF_ERROR);
}

inline char* conf_duplicate() noexcept {
    return const_cast<char*>("is duplicate");
}

} // namespace mr
