// One Redis that locations relay through: the parsed URL with everything made of it at
// configuration time (addresses, TLS context, password). Made once per distinct URL, lives as long
// as the configuration. Never connects; redis_link.h does.
#pragma once

#include "ngx_mr_ws_module/ngx.h"
#include "shared/redis_url.h"

#include <cstdint>
#include <string_view>

namespace mr {

struct RedisTarget {
    uint32_t index = 0; // position among the targets of the configuration
    ngx_str_t text{};   // the URL as configured: key for finding duplicates, never logged
    RedisUrl url;       // holds the password: never logged
    char name[kMaxRedisNameChars + 1] = {}; // for logs: URL without user and password, NUL-ended
    ngx_addr_t* addresses = nullptr;        // as resolved when the configuration was read
    uint32_t address_count = 0;
    ngx_ssl_t* tls = nullptr; // rediss:// only
};

// Parses `text` and prepares a target in the pool of `cf`. On failure logs with the place in the
// configuration and returns null. `text` must live as long as the configuration.
RedisTarget* redis_target_create(ngx_conf_t* cf, ngx_str_t text, uint32_t index) noexcept;

} // namespace mr
