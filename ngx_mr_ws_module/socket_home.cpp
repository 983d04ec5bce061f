#include "ngx_mr_ws_module/socket_home.h"

namespace mr {
namespace {

// Behind it lie the client's address and its text.
struct Home {
    ngx_log_t log; // first: the connection's log is the home
    ngx_http_log_ctx_t context;
};
static_assert(std::is_standard_layout_v<Home>);

constexpr size_t kPoolBytes = 1024;

// Of all that have moved out: nobody may find a connection without a pool. Nothing of nginx or of
// ours takes memory from it for a connection that has no request.
ngx_pool_t* common_pool;

void fill(Home& home, const ngx_connection_t* c) {
    auto* bytes = reinterpret_cast<u_char*>(&home + 1);
    std::memcpy(bytes, c->sockaddr, c->socklen);
    std::memcpy(bytes + c->socklen, c->addr_text.data, c->addr_text.len);
    home.log = *c->log;
    home.context = *static_cast<ngx_http_log_ctx_t*>(c->log->data);
    home.context.request = home.context.current_request = nullptr;
    home.log.data = &home.context;
}

} // namespace

ngx_pool_t* socket_move_out(ngx_connection_t* c) noexcept {
    if (c->ssl != nullptr || c->pool->cleanup != nullptr || common_pool == nullptr) {
        return nullptr;
    }
    auto* home = static_cast<Home*>(std::malloc(sizeof(Home) + c->socklen + c->addr_text.len));
    if (home == nullptr) {
        return nullptr;
    }
    fill(*home, c);
    auto* bytes = reinterpret_cast<u_char*>(home + 1);
    c->sockaddr = reinterpret_cast<sockaddr*>(bytes);
    c->addr_text.data = bytes + c->socklen;
    c->log = c->read->log = c->write->log = &home->log;
    c->local_sockaddr = c->listening->sockaddr;
    c->local_socklen = c->listening->socklen;
    c->proxy_protocol = nullptr;
    c->buffer = nullptr;
    ngx_pool_t* left = c->pool;
    c->pool = common_pool;
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
