#include "ngx_mr_ws_module/secret.h"

#include "ngx_mr_ws_module/config_file.h"
#include "ngx_mr_ws_module/random.h"
#include "shared/token.h"

namespace mr {

bool read_secret_file(ngx_conf_t* cf, ngx_str_t path, std::string_view& secret) noexcept {
    constexpr size_t kLineEndBytes = 2;
    std::string_view bytes;
    if (!read_config_file(cf, "mr_ws_secret_file", path, kMaxSecretBytes + kLineEndBytes, bytes)) {
        return false;
    }
    while (bytes.ends_with('\n') || bytes.ends_with('\r')) {
        bytes.remove_suffix(1);
    }
    const size_t length = bytes.size();
    if (length < kMinSecretBytes || length > kMaxSecretBytes) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"mr_ws_secret_file\" is \"%V\", which holds %uz%s bytes; allowed: %uz "
                           "to %uz (\"openssl rand -hex 32\" makes a good one)",
                           &path, length, length > kMaxSecretBytes ? " or more" : "",
                           kMinSecretBytes, kMaxSecretBytes);
        return false;
    }
    secret = bytes;
    return true;
}

bool random_secret(std::string_view& secret) noexcept {
    // Outlives the configuration: the master process reads the next one with this in place.
    static uint8_t bytes[kRandomSecretBytes];
    static bool drawn = false;
    if (!drawn) {
        drawn = random_bytes(bytes);
    }
    secret = {reinterpret_cast<const char*>(bytes), sizeof(bytes)};
    return drawn;
}

} // namespace mr
