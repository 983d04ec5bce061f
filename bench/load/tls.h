// TLS of the load's clients: one context for all of them, with the sessions that the server lets
// them resume, and one state per connection.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

namespace mr::bench {

struct TlsOptions {
    std::string ca_file; // empty: whoever answers is believed, which is right for load alone
    bool resume = true;  // a session of an earlier connection is resumed, as browsers do
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
    // The newest at the end. Each is used once: OpenSSL resumes none of TLS 1.3 a second time.
    std::deque<SSL_SESSION*> sessions_;
};

} // namespace mr::bench
