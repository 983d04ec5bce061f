// Small files that directives name: keys and secrets, read whole when the configuration is. Never
// logs what is in one.
#pragma once

#include "ngx_mr_ws_module/ngx.h"

#include <string_view>

namespace mr {

// Reads `path` (made absolute in place, relative to the configuration's folder) into the pool of
// `cf`. At most `most` + 1 bytes are read: a result longer than `most` is a file that is longer.
// False: logged, with the directive and the place in the configuration.
bool read_config_file(ngx_conf_t* cf, std::string_view directive, ngx_str_t& path, size_t most,
                      std::string_view& contents) noexcept;

} // namespace mr
