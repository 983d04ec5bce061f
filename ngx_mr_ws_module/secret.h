// The key that signs resume tokens: read from a file, or drawn at random when there is none. Never
// logs it.
#pragma once

#include "ngx_mr_ws_module/ngx.h"

#include <string_view>

namespace mr {

inline constexpr size_t kRandomSecretBytes = 32;

// Reads `path` (relative to the configuration's folder) into the pool of `cf`; trailing line ends
// do not belong to the key. False: logged, with the place in the configuration.
bool read_secret_file(ngx_conf_t* cf, ngx_str_t path, std::string_view& secret) noexcept;

// One key per start of nginx: reloads keep it, so that sessions survive them. False: no entropy.
bool random_secret(std::string_view& secret) noexcept;

} // namespace mr
