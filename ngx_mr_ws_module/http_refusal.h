// What nginx itself refuses in a location with `mr_ws_http`, before or while the request is ours: a
// body above `client_max_body_size`, chunks that are none, `deny`, `auth_basic`, `limit_req` and
// their like. nginx's page of HTML becomes the JSON of every other error there. Owns this
// replacement; other locations and pages named by `error_page` are left alone.
#pragma once

#include "ngx_mr_ws_module/ngx.h"

namespace mr {

// Behind the configuration: puts itself in front of nginx's header filters, where the module is in
// use at all.
ngx_int_t http_refusal_init(ngx_conf_t* cf) noexcept;

} // namespace mr
