// Who asks, and whether they may: the access token of a request, judged, or the subject that nginx
// itself has established before us (auth_request, auth_basic, client certificates). nginx's own
// access phases have let the request through by then. Never answers a request; tells the log why a
// token is not good, and nobody else.
#pragma once

#include "ngx_mr_ws_module/handshake.h"
#include "ngx_mr_ws_module/identity.h"
#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/settings.h"

namespace mr {

// `identity` is owned by the caller; null when nobody is named and nobody has to be.
Refusal judge_access(ngx_http_request_t* r, const HandshakeHeaders& headers,
                     const LocationConf& conf, Identity*& identity) noexcept;

} // namespace mr
