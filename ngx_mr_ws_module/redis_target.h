// One Redis that locations relay through: the parsed URL with everything made of it at
// configuration time (addresses, TLS context, passwords). Made once per distinct URL, lives as long
// as the configuration. Never connects; redis_link.h does.
#pragma once

#include "ngx_mr_ws_module/ngx.h"
#include "shared/redis_url.h"

#include <cstdint>
#include <string_view>

namespace mr {

// A server that can be dialled: the Redis of the URL, a sentinel, or the primary it has named.
struct RedisPlace {
    std::string_view host;                 // NUL-terminated; without brackets for IPv6
    uint16_t port = 0;                     // of network places
    const ngx_addr_t* addresses = nullptr; // as resolved when the configuration was read, if at all
    uint32_t address_count = 0;
};

struct RedisTarget {
    uint32_t index = 0; // position among the targets of the configuration
    ngx_str_t text{};   // the URL as configured: key for finding duplicates, never logged
    RedisUrl url;       // holds the passwords: never logged
    char name[kMaxRedisNameChars + 1] = {}; // for logs: URL without user and password, NUL-ended
    RedisPlace place;                       // unless there are sentinels
    RedisPlace sentinels[kMaxSentinels];    // as many as the URL names
    ngx_ssl_t* tls = nullptr;               // with TLS only
};

// Parses `text` and prepares a target in the pool of `cf`. On failure logs with the place in the
// configuration and returns null. `text` must live as long as the configuration.
RedisTarget* redis_target_create(ngx_conf_t* cf, ngx_str_t text, uint32_t index) noexcept;

} // namespace mr
