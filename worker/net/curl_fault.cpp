#include "worker/net/curl_fault.h"

#include <openssl/x509_vfy.h>

namespace mr::net {
namespace {

constexpr long kProxyWantsAccess = 407;

// CURLINFO_SSL_VERIFYRESULT(3): OpenSSL's word. Where it has none, the name was compared before the
// result was asked.
HttpCause certificate_cause(CURL* handle) {
    long verified = X509_V_OK;
    curl_easy_getinfo(handle, CURLINFO_SSL_VERIFYRESULT, &verified);
    const bool none = verified == X509_V_OK || verified == X509_V_ERR_UNSPECIFIED;
    return none ? HttpCause::certificate_name : cause_of_certificate(verified);
}

// A proxy's answer to CONNECT.
HttpCause tunnel_cause(CURL* handle) {
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_HTTP_CONNECTCODE, &status);
    if (status == 0 || status / 100 == 2) {
        return HttpCause::other;
    }
    return status == kProxyWantsAccess ? HttpCause::proxy_access : HttpCause::proxy;
}

} // namespace

HttpFault fault_of(CURLcode code) {
    switch (code) {
    case CURLE_URL_MALFORMAT:
        return HttpFault::bad_request;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
        return HttpFault::connect;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
        return HttpFault::tls;
    case CURLE_OPERATION_TIMEDOUT:
        return HttpFault::timeout;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
        return HttpFault::lost;
    default:
        return HttpFault::protocol;
    }
}

HttpCause cause_of(CURL* handle, CURLcode code) {
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return HttpCause::name;
    case CURLE_COULDNT_RESOLVE_PROXY:
        return HttpCause::proxy_name;
    case CURLE_COULDNT_CONNECT:
        return HttpCause::connection;
    case CURLE_OPERATION_TIMEDOUT: // the only limit that curl is given
        return HttpCause::no_answer;
    case CURLE_PEER_FAILED_VERIFICATION:
        return certificate_cause(handle);
    default:
        return tunnel_cause(handle);
    }
}

} // namespace mr::net
