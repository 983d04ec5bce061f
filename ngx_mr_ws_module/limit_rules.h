// The numbers of limits.h, pace.h and shared_zone.h as directives: defaults and what is allowed.
// settings.cpp reads and merges them with its own.
#pragma once

#include "ngx_mr_ws_module/settings.h"

#include <span>

namespace mr {

std::span<const NumberRule> limit_rules() noexcept;

// mr_ws_zone_size, for the table in module.cpp.
char* set_zone_size(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;

} // namespace mr
