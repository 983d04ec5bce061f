// Why there is no connection, for those who have to tell a person what to do about it.
#pragma once

#include "worker/net/http_client.h"

namespace mr::net {

enum class HttpCause : std::uint8_t {
    other,
    name,             // the host's is not known
    proxy_name,       // the proxy's is not known
    proxy,            // the proxy refused to connect us
    proxy_access,     // the proxy wants a user and a password
    connection,       // nobody took it, or nobody is there
    no_answer,        // to a connection, in the time for it
    authority,        // the certificate is from nobody that is known
    certificate_name, // it is another host's
    certificate_date, // it is not good now: expired, or not yet valid
};

// By what OpenSSL found a certificate to be, X509_STORE_CTX_get_error(3).
HttpCause cause_of_certificate(long verified);

// An HttpError of which the cause is known. Thrown wherever HttpError is.
class HttpCausedError : public HttpError {
  public:
    HttpCausedError(HttpFault fault, const std::string& text, bool any_byte, HttpCause cause)
        : HttpError(fault, text, any_byte), cause_(cause) {}
    HttpCause cause() const noexcept { return cause_; }

  private:
    HttpCause cause_;
};

} // namespace mr::net
