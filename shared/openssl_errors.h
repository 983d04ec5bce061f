// OpenSSL keeps what it noted of a failure in a queue of the thread, where nginx finds it before
// its next use of TLS and raises an alert ("ignoring stale global SSL error"). Whoever asks OpenSSL
// for something that can fail has one of these in scope. ERR_clear_error(3).
#pragma once

#include <openssl/err.h>

namespace mr {

struct OpensslErrorsGone {
    OpensslErrorsGone() = default;
    OpensslErrorsGone(const OpensslErrorsGone&) = delete;
    OpensslErrorsGone& operator=(const OpensslErrorsGone&) = delete;
    ~OpensslErrorsGone() { ERR_clear_error(); }
};

} // namespace mr
