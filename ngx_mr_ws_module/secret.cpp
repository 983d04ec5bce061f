#include "ngx_mr_ws_module/secret.h"

#include "shared/token.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <unistd.h>

namespace mr {
namespace {

// Reads at most `size` bytes. -1: see ngx_errno.
ssize_t read_file(const char* path, u_char* bytes, size_t size) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }
    size_t have = 0;
    ssize_t count = 0;
    do {
        count = read(fd, bytes + have, size - have);
        have += count > 0 ? static_cast<size_t>(count) : 0;
    } while (have < size && (count > 0 || (count < 0 && ngx_errno == NGX_EINTR)));
    const ngx_err_t err = ngx_errno;
    close(fd);
    ngx_set_errno(err);
    return count < 0 ? -1 : static_cast<ssize_t>(have);
}

} // namespace

bool read_secret_file(ngx_conf_t* cf, ngx_str_t path, std::string_view& secret) noexcept {
    constexpr size_t kLineEndBytes = 2;
    constexpr size_t kRoomBytes = kMaxSecretBytes + kLineEndBytes + 1;
    auto* bytes = static_cast<u_char*>(ngx_pnalloc(cf->pool, kRoomBytes));
    if (bytes == nullptr || ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return false;
    }
    const ssize_t count = read_file(reinterpret_cast<const char*>(path.data), bytes, kRoomBytes);
    if (count < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"mr_ws_secret_file\" is \"%V\", which cannot be read", &path);
        return false;
    }
    auto length = static_cast<size_t>(count);
    while (length > 0 && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r')) {
        --length;
    }
    if (length < kMinSecretBytes || length > kMaxSecretBytes) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"mr_ws_secret_file\" is \"%V\", which holds %uz%s bytes; allowed: %uz "
                           "to %uz (\"openssl rand -hex 32\" makes a good one)",
                           &path, length, length > kMaxSecretBytes ? " or more" : "",
                           kMinSecretBytes, kMaxSecretBytes);
        return false;
    }
    secret = {reinterpret_cast<const char*>(bytes), length};
    return true;
}

bool random_secret(std::string_view& secret) noexcept {
    // Outlives the configuration: the master process reads the next one with this in place.
    static uint8_t bytes[kRandomSecretBytes];
    static bool drawn = false;
    if (!drawn) {
        drawn = RAND_bytes(bytes, sizeof(bytes)) == 1;
    }
    secret = {reinterpret_cast<const char*>(bytes), sizeof(bytes)};
    return drawn;
}

} // namespace mr
