#include "ngx_mr_ws_module/redis_connect.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace mr {
namespace {

constexpr size_t kPoolBytes = 512;
constexpr ngx_msec_t kResolveTimeoutMs = 2000;

bool is_ip_literal(std::string_view host) {
    return host.find(':') != std::string_view::npos ||
           ngx_inet_addr(to_ngx(host).data, host.size()) != INADDR_NONE;
}

} // namespace

void RedisDialer::init(const RedisTarget& target, ngx_resolver_t* resolver, ngx_log_t* log,
                       DialDone done, void* owner) noexcept {
    target_ = &target;
    resolver_ = resolver;
    log_ = log;
    done_ = done;
    owner_ = owner;
    quiet_log_ = *log;
    quiet_log_.log_level = NGX_LOG_ALERT;
}

bool RedisDialer::is_local() const noexcept {
    return target_->url.transport == RedisTransport::unix_socket;
}

void RedisDialer::start(const RedisPlace& place) noexcept {
    place_ = place;
    if (resolver_ != nullptr && !is_local() && !is_ip_literal(place_.host)) {
        resolve();
        return;
    }
    connect_known();
}

// To an address of configuration time, or to one that is written as such.
void RedisDialer::connect_known() noexcept {
    if (place_.address_count != 0) {
        connect(place_.addresses[turn_++ % place_.address_count]);
        return;
    }
    ngx_sockaddr_t socket_address;
    ngx_addr_t address;
    ngx_memzero(&socket_address, sizeof(socket_address));
    ngx_memzero(&address, sizeof(address));
    address.sockaddr = &socket_address.sockaddr;
    const ngx_str_t host = to_ngx(place_.host);
    if (const in_addr_t ipv4 = ngx_inet_addr(host.data, host.len); ipv4 != INADDR_NONE) {
        socket_address.sockaddr_in.sin_family = AF_INET;
        socket_address.sockaddr_in.sin_addr.s_addr = ipv4;
        address.socklen = sizeof(sockaddr_in);
    } else if (ngx_inet6_addr(host.data, host.len, socket_address.sockaddr_in6.sin6_addr.s6_addr) ==
               NGX_OK) {
        socket_address.sockaddr_in6.sin6_family = AF_INET6;
        address.socklen = sizeof(sockaddr_in6);
    } else {
        fail({"its host is a name that can only be looked up with nginx's \"resolver\""});
        return;
    }
    ngx_inet_set_port(address.sockaddr, place_.port);
    connect(address);
}

void RedisDialer::resolve() noexcept {
    ngx_resolver_ctx_t wanted;
    ngx_memzero(&wanted, sizeof(wanted));
    wanted.name = to_ngx(place_.host);
    ngx_resolver_ctx_t* context = ngx_resolve_start(resolver_, &wanted);
    if (context == NGX_NO_RESOLVER) {
        connect_known();
        return;
    }
    if (context == nullptr) {
        fail({"out of memory"});
        return;
    }
    context->name = wanted.name;
    context->handler = on_resolved;
    context->data = this;
    context->timeout = kResolveTimeoutMs;
    resolving_ = context;
    if (ngx_resolve_name(context) != NGX_OK) {
        resolving_ = nullptr;
        fail({"its name could not be looked up"});
    }
}

void RedisDialer::on_resolved(ngx_resolver_ctx_t* context) noexcept {
    auto* self = static_cast<RedisDialer*>(context->data);
    self->resolving_ = nullptr;
    if (context->state != 0 || context->naddrs == 0) {
        const char* text = ngx_resolver_strerror(context->state);
        ngx_resolve_name_done(context);
        ngx_log_error(NGX_LOG_INFO, self->log_, 0, "mr_ws: redis %s: resolver says: %s",
                      self->target_->name, text);
        self->fail({"its name could not be resolved"});
        return;
    }
    const ngx_resolver_addr_t& found = context->addrs[self->turn_++ % context->naddrs];
    ngx_sockaddr_t socket_address;
    ngx_addr_t address;
    ngx_memzero(&address, sizeof(address));
    ngx_memcpy(&socket_address, found.sockaddr, found.socklen);
    address.sockaddr = &socket_address.sockaddr;
    address.socklen = found.socklen;
    ngx_inet_set_port(address.sockaddr, self->place_.port);
    ngx_resolve_name_done(context);
    self->connect(address);
}

void RedisDialer::connect(const ngx_addr_t& address) noexcept {
    ngx_str_t name = ngx_string("redis");
    ngx_peer_connection_t peer;
    ngx_memzero(&peer, sizeof(peer));
    peer.sockaddr = address.sockaddr;
    peer.socklen = address.socklen;
    peer.name = &name;
    peer.get = ngx_event_get_peer;
    peer.log = &quiet_log_;
    peer.log_error = NGX_ERROR_INFO;
    peer.so_keepalive = !is_local();

    const ngx_int_t rc = ngx_event_connect_peer(&peer);
    if (rc == NGX_ERROR || rc == NGX_DECLINED || rc == NGX_BUSY) {
        fail({"connect failed", ngx_socket_errno});
        return;
    }
    connection_ = peer.connection;
    connection_->log = log_;
    connection_->read->log = log_;
    connection_->write->log = log_;
    connection_->data = this;
    connection_->read->handler = on_socket;
    connection_->write->handler = on_socket;
    connection_->pool = ngx_create_pool(kPoolBytes, log_);
    if (connection_->pool == nullptr) {
        fail({"out of memory"});
        return;
    }
    if (rc == NGX_OK) {
        connected();
    }
}

// The write event says that the connect is over; a read event alone means that it failed.
void RedisDialer::on_socket(ngx_event_t* event) noexcept {
    auto* connection = static_cast<ngx_connection_t*>(event->data);
    auto* self = static_cast<RedisDialer*>(connection->data);
    if (connection->close) {
        self->fail({"nginx is shutting down"});
        return;
    }
    int err = 0;
    socklen_t length = sizeof(err);
    if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &err, &length) == -1) {
        err = ngx_socket_errno;
    }
    if (err != 0) {
        self->fail({"connect failed", err});
        return;
    }
    if (event->write) {
        self->connected();
    }
}

void RedisDialer::connected() noexcept {
    if (!is_local()) {
        ngx_tcp_nodelay(connection_);
    }
    if (target_->tls == nullptr) {
        succeed();
        return;
    }
    start_tls();
}

void RedisDialer::start_tls() noexcept {
    const std::string_view name = target_->url.tls_name(place_.host);
    if (ngx_ssl_create_connection(target_->tls, connection_, NGX_SSL_BUFFER | NGX_SSL_CLIENT) !=
        NGX_OK) {
        fail({"TLS could not be set up"});
        return;
    }
    if (!is_ip_literal(name) &&
        SSL_set_tlsext_host_name(connection_->ssl->connection, name.data()) == 0) {
        fail({"TLS could not be set up: the server name is not accepted"});
        return;
    }
    if (ngx_ssl_handshake(connection_) == NGX_AGAIN) {
        connection_->ssl->handler = on_tls;
        return;
    }
    tls_done();
}

void RedisDialer::on_tls(ngx_connection_t* connection) noexcept {
    static_cast<RedisDialer*>(connection->data)->tls_done();
}

void RedisDialer::tls_done() noexcept {
    if (const char* problem = tls_problem()) {
        fail({problem});
        return;
    }
    succeed();
}

const char* RedisDialer::tls_problem() const noexcept {
    if (!connection_->ssl->handshaked) {
        return "TLS handshake failed (does it speak TLS on this port?)";
    }
    if (!target_->url.verify) {
        return nullptr;
    }
    SSL* ssl = connection_->ssl->connection;
    const long result = SSL_get_verify_result(ssl);
    if (result != X509_V_OK) {
        ngx_log_error(NGX_LOG_ERR, log_, 0, "mr_ws: redis %s: certificate refused: %l: %s",
                      target_->name, result, X509_verify_cert_error_string(result));
        return "its certificate is not trusted";
    }
    const std::string_view name = target_->url.tls_name(place_.host);
    bool matches = false;
    if (is_ip_literal(name)) {
        X509* certificate = SSL_get1_peer_certificate(ssl);
        matches = certificate != nullptr && X509_check_ip_asc(certificate, name.data(), 0) == 1;
        X509_free(certificate);
    } else {
        ngx_str_t host = to_ngx(name);
        matches = ngx_ssl_check_host(connection_, &host) == NGX_OK;
    }
    return matches ? nullptr : "its certificate is for another name";
}

void RedisDialer::succeed() noexcept {
    ngx_connection_t* connection = connection_;
    connection_ = nullptr;
    done_(owner_, connection, {nullptr});
}

void RedisDialer::fail(DialProblem problem) noexcept {
    cancel();
    done_(owner_, nullptr, problem);
}

const char* RedisDialer::timeout_text() const noexcept {
    if (resolving_ != nullptr) {
        return "its name was not resolved in time";
    }
    const bool in_tls = connection_ != nullptr && connection_->ssl != nullptr;
    return in_tls ? "TLS handshake timed out (does it speak TLS on this port?)"
                  : "connect timed out";
}

void RedisDialer::cancel() noexcept {
    if (resolving_ != nullptr) {
        ngx_resolver_ctx_t* context = resolving_;
        resolving_ = nullptr;
        ngx_resolve_name_done(context);
    }
    if (connection_ != nullptr) {
        ngx_connection_t* connection = connection_;
        connection_ = nullptr;
        redis_close(connection);
    }
}

void redis_close(ngx_connection_t* connection) noexcept {
    ngx_pool_t* pool = connection->pool;
    if (connection->ssl != nullptr) {
        // Nothing to say goodbye to: the bytes behind it would be lost either way.
        connection->ssl->no_wait_shutdown = 1;
        connection->ssl->no_send_shutdown = 1;
        ngx_ssl_shutdown(connection);
    }
    ngx_close_connection(connection);
    if (pool != nullptr) {
        ngx_destroy_pool(pool);
    }
}

} // namespace mr
