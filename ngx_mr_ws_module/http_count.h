// What is counted of requests to `mr_ws_http`, whoever answers them: status, bytes, duration. Owns
// the moment at which a request ends; knows nothing of questions (http_chat_end.h does).
#pragma once

#include "ngx_mr_ws_module/ngx.h"

namespace mr {

// Has the request counted when it ends; once, however often it is called. False: out of memory.
bool http_count(ngx_http_request_t* r) noexcept;

// True behind http_count().
bool http_is_counted(const ngx_http_request_t* r) noexcept;

// The status the client was told. Without an answer 408 (it was too slow), 499 (it has gone, by
// nginx's convention) or 500.
ngx_uint_t http_final_status(const ngx_http_request_t* r) noexcept;

} // namespace mr
