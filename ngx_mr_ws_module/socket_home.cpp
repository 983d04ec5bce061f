#include "ngx_mr_ws_module/socket_home.h"

namespace mr {
namespace {

// Behind it lie the client's address and its text; under TLS nginx's part of that in front of them.
struct Home {
    ngx_log_t log; // first: the connection's log is the home
    ngx_http_log_ctx_t context;
};
static_assert(std::is_standard_layout_v<Home>);

constexpr size_t kPoolBytes = 1024;

// Of all without TLS that have moved out: nobody may find a connection without a pool. Nothing of
// nginx or of ours takes memory from it for a connection that has no request.
ngx_pool_t* common_pool;

size_t home_bytes(const ngx_connection_t* c) {
    const size_t tls = c->ssl != nullptr ? sizeof(ngx_ssl_connection_t) : 0;
    return sizeof(Home) + tls + c->socklen + c->addr_text.len;
}

void move_tls(ngx_connection_t* c, u_char* place) {
    std::memcpy(place, c->ssl, sizeof(ngx_ssl_connection_t));
    c->ssl = reinterpret_cast<ngx_ssl_connection_t*>(place);
    c->ssl->buf = nullptr; // nginx makes another one when it buffers
}

void move(ngx_connection_t* c, Home& home) {
    auto* place = reinterpret_cast<u_char*>(&home + 1);
    home.log = *c->log;
    home.context = *static_cast<ngx_http_log_ctx_t*>(c->log->data);
    home.context.request = home.context.current_request = nullptr;
    home.log.data = &home.context;
    c->log = c->read->log = c->write->log = &home.log;
    if (c->ssl != nullptr) {
        move_tls(c, place);
        place += sizeof(ngx_ssl_connection_t);
    }
    std::memcpy(place, c->sockaddr, c->socklen);
    c->sockaddr = reinterpret_cast<sockaddr*>(place);
    std::memcpy(place + c->socklen, c->addr_text.data, c->addr_text.len);
    c->addr_text.data = place + c->socklen;
    c->local_sockaddr = c->listening->sockaddr;
    c->local_socklen = c->listening->socklen;
    c->proxy_protocol = nullptr;
    c->buffer = nullptr;
}

bool is_movable(const ngx_connection_t* c) {
    if (c->pool->cleanup != nullptr) {
        return false;
    }
    if (c->ssl == nullptr) {
        return common_pool != nullptr;
    }
    const ngx_buf_t* buffered = c->ssl->buf;
    return c->ssl->ocsp == nullptr && (buffered == nullptr || buffered->pos == buffered->last);
}

} // namespace

ngx_pool_t* socket_move_out(ngx_connection_t* c) noexcept {
    if (!is_movable(c)) {
        return nullptr;
    }
    const size_t bytes = home_bytes(c);
    ngx_pool_t* pool = common_pool;
    void* home = nullptr;
    if (c->ssl == nullptr) {
        home = std::malloc(bytes);
    } else {
        pool = ngx_create_pool(ngx_align(sizeof(ngx_pool_t) + bytes, NGX_POOL_ALIGNMENT), c->log);
        home = pool != nullptr ? ngx_palloc(pool, bytes) : nullptr; // it fits
    }
    if (home == nullptr) {
        return nullptr;
    }
    move(c, *static_cast<Home*>(home));
    ngx_pool_t* left = c->pool;
    c->pool = pool;
    if (pool != common_pool) {
        pool->log = c->log;
    }
    return left;
}

void socket_close(ngx_connection_t* c) noexcept {
    if (c->pool != common_pool) {
        return ngx_http_close_connection(c);
    }
    auto* home = reinterpret_cast<Home*>(c->log);
#if NGX_STAT_STUB
    (void)ngx_atomic_fetch_add(ngx_stat_active, -1);
#endif
    c->destroyed = 1;
    ngx_close_connection(c);
    std::free(home);
}

void socket_homes_init(ngx_log_t* log) noexcept {
    common_pool = ngx_create_pool(kPoolBytes, log);
}

void socket_homes_exit() noexcept {
    if (common_pool != nullptr) {
        ngx_destroy_pool(common_pool);
        common_pool = nullptr;
    }
}

} // namespace mr
