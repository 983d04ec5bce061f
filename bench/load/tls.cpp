#include "bench/load/tls.h"

#include <openssl/err.h>

#include <stdexcept>

namespace mr::bench {
namespace {

constexpr size_t kMaxSessions = 1024; // some kilobytes each, here and at the server

} // namespace

TlsContext::TlsContext(const TlsOptions& options)
    : options_(options), context_(SSL_CTX_new(TLS_client_method())) {
    if (context_ == nullptr) {
        throw std::runtime_error("TLS cannot be set up");
    }
    SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
    SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_app_data(context_, this);
    if (!options_.ca_file.empty()) {
        if (SSL_CTX_load_verify_locations(context_, options_.ca_file.c_str(), nullptr) != 1) {
            SSL_CTX_free(context_);
            throw std::runtime_error("--ca " + options_.ca_file + " holds no certificate to trust");
        }
        SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    }
    if (options_.resume) {
        SSL_CTX_set_session_cache_mode(context_,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context_, on_ticket);
    } else {
        SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
    }
}

TlsContext::~TlsContext() {
    for (SSL_SESSION* session : sessions_) {
        SSL_SESSION_free(session);
    }
    SSL_CTX_free(context_);
}

int TlsContext::on_ticket(SSL* ssl, SSL_SESSION* session) {
    auto* self = static_cast<TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    self->sessions_.push_back(session);
    if (self->sessions_.size() > kMaxSessions) {
        SSL_SESSION_free(self->sessions_.front());
        self->sessions_.pop_front();
    }
    return 1; // kept
}

SSL* TlsContext::make(int socket, const std::string& host) {
    SSL* ssl = SSL_new(context_);
    if (ssl == nullptr || SSL_set_fd(ssl, socket) != 1) {
        SSL_free(ssl);
        return nullptr;
    }
    SSL_set_tlsext_host_name(ssl, host.c_str());
    if (!options_.ca_file.empty()) {
        SSL_set1_host(ssl, host.c_str());
    }
    if (!sessions_.empty()) {
        SSL_set_session(ssl, sessions_.back());
        SSL_SESSION_free(sessions_.back());
        sessions_.pop_back();
    }
    SSL_set_connect_state(ssl);
    return ssl;
}

void TlsContext::done(SSL* ssl) {
    uint64_t* count =
        SSL_session_reused(ssl) ? options_.resumed_handshakes : options_.full_handshakes;
    if (count != nullptr) {
        ++*count;
    }
}

} // namespace mr::bench
