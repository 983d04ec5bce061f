// `mr_ws_metrics`: GET answers all metrics of all processes in Prometheus' text format 0.0.4
// (prometheus.io/docs/instrumenting/exposition_formats). Counts nothing itself.
#pragma once

#include "ngx_mr_ws_module/ngx.h"

namespace mr {

ngx_int_t metrics_handler(ngx_http_request_t* r) noexcept;

} // namespace mr
