#include "ngx_mr_ws_module/config_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mr {
namespace {

// Reads at most `size` bytes. -1: see ngx_errno.
ssize_t read_file(const char* path, u_char* bytes, size_t size) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe would wait for ever
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

bool read_config_file(ngx_conf_t* cf, std::string_view directive, ngx_str_t& path, size_t most,
                      std::string_view& contents) noexcept {
    auto* bytes = static_cast<u_char*>(ngx_pnalloc(cf->pool, most + 1));
    if (bytes == nullptr || ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return false;
    }
    const ssize_t count = read_file(reinterpret_cast<const char*>(path.data), bytes, most + 1);
    if (count < 0) {
        const ngx_str_t name = to_ngx(directive);
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno, "\"%V\" is \"%V\", which cannot be read",
                           &name, &path);
        return false;
    }
    contents = {reinterpret_cast<const char*>(bytes), static_cast<size_t>(count)};
    return true;
}

} // namespace mr
