#include "ngx_mr_ws_module/http_body.h"

namespace mr {
namespace {

// From the temporary file. A file that is shorter than nginx has written is an error.
bool read_file_part(const ngx_buf_t& part, Buffer& out) {
    size_t left = static_cast<size_t>(part.file_last - part.file_pos);
    off_t from = part.file_pos;
    uint8_t* to = out.extend(left);
    while (to != nullptr && left > 0) {
        const ssize_t count = ngx_read_file(part.file, to, left, from);
        if (count <= 0) {
            return false;
        }
        to += count;
        from += count;
        left -= static_cast<size_t>(count);
    }
    return to != nullptr;
}

size_t size_of(const ngx_buf_t& part) {
    return static_cast<size_t>(part.in_file ? part.file_last - part.file_pos
                                            : part.last - part.pos);
}

} // namespace

ngx_int_t http_collect_body(ngx_http_request_t* r, size_t max_bytes, Buffer& out) noexcept {
    for (const ngx_chain_t* link = r->request_body != nullptr ? r->request_body->bufs : nullptr;
         link != nullptr; link = link->next) {
        const ngx_buf_t& part = *link->buf;
        const size_t size = size_of(part);
        if (size > max_bytes - out.size()) {
            return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        }
        if (size == 0) {
            continue;
        }
        const bool taken = part.in_file ? read_file_part(part, out) : out.append(part.pos, size);
        if (!taken) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "mr_ws: the body of the request could not be read back");
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return NGX_OK;
}

} // namespace mr
