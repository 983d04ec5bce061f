// What libcurl's results mean to those who made the request.
#pragma once

#include "worker/net/http_cause.h"

#include <curl/curl.h>

namespace mr::net {

HttpFault fault_of(CURLcode code);
// Of a transfer that ended with `code`, by what its handle knows of it.
HttpCause cause_of(CURL* handle, CURLcode code);

} // namespace mr::net
