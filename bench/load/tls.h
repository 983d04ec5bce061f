// TLS of the load's clients: one context for all of them, with session tickets used again, and one
// state per connection.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>

namespace mr::bench {

struct TlsOptions {
    std::string ca_file; // empty: whoever answers is believed, which is right for load alone
    bool resume = true;  // a ticket of an earlier connection is used, as browsers do
    uint64_t* full_handshakes = nullptr; // counted there, if anywhere
    uint64_t* resumed_handshakes = nullptr;
};

class TlsContext {
  public:
    explicit TlsContext(const TlsOptions& options); // throws std::runtime_error
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    // For a connected socket; the host is checked where there is a CA file.
    SSL* make(int socket, const std::string& host);
    void done(SSL* ssl); // the handshake has succeeded

  private:
    static int on_ticket(SSL* ssl, SSL_SESSION* session);

    TlsOptions options_;
    SSL_CTX* context_;
    SSL_SESSION* session_ = nullptr; // the newest
};

} // namespace mr::bench
