// What an orchestrator or a load balancer asks (`mr_ws_health live | ready`): does this process
// serve, and can it serve chat? Answers GET and HEAD from what is known already; never waits.
#pragma once

#include "ngx_mr_ws_module/ngx.h"

namespace mr {

// Content handler of locations with `mr_ws_health`.
ngx_int_t health_handler(ngx_http_request_t* r) noexcept;

} // namespace mr
