#include "ngx_mr_ws_module/http_count.h"

#include "ngx_mr_ws_module/metrics.h"

namespace mr {
namespace {

constexpr uint64_t kMicrosecondsPerMs = 1000;

struct StatusMetric {
    ngx_uint_t status;
    Metric metric;
};
constexpr StatusMetric kStatuses[] = {
    {200, Metric::http_200}, {204, Metric::http_204}, {400, Metric::http_400},
    {401, Metric::http_401}, {403, Metric::http_403}, {405, Metric::http_405},
    {406, Metric::http_406}, {408, Metric::http_408}, {413, Metric::http_413},
    {415, Metric::http_415}, {425, Metric::http_425}, {429, Metric::http_429},
    {499, Metric::http_499}, {500, Metric::http_500}, {503, Metric::http_503},
    {504, Metric::http_504},
};

Metric metric_of(ngx_uint_t status) {
    for (const StatusMetric& row : kStatuses) {
        if (row.status == status) {
            return row.metric;
        }
    }
    return Metric::http_other;
}

// Since its first byte. A clock that was set back must not count as an age of the world.
uint64_t age_ms(const ngx_http_request_t* r) {
    const ngx_time_t* now = ngx_timeofday();
    const auto age = static_cast<ngx_msec_int_t>(
        (now->sec - r->start_sec) * 1000 +
        (static_cast<ngx_msec_int_t>(now->msec) - static_cast<ngx_msec_int_t>(r->start_msec)));
    return age > 0 ? static_cast<uint64_t>(age) : 0;
}

void on_request_end(void* data) noexcept {
    const auto* r = static_cast<const ngx_http_request_t*>(data);
    metric_add(metric_of(http_final_status(r)));
    metric_add(Metric::http_bytes_in, static_cast<uint64_t>(r->request_length));
    metric_add(Metric::http_bytes_out, static_cast<uint64_t>(r->connection->sent));
    metric_add(Metric::http_microseconds, age_ms(r) * kMicrosecondsPerMs);
    metric_add(Metric::http_requests);
}

} // namespace

bool http_is_counted(const ngx_http_request_t* r) noexcept {
    const ngx_http_cleanup_t* cleanup = r->main->cleanup;
    while (cleanup != nullptr && cleanup->handler != on_request_end) {
        cleanup = cleanup->next;
    }
    return cleanup != nullptr;
}

bool http_count(ngx_http_request_t* r) noexcept {
    if (http_is_counted(r)) {
        return true;
    }
    ngx_http_cleanup_t* cleanup = ngx_http_cleanup_add(r, 0);
    if (cleanup == nullptr) {
        return false;
    }
    cleanup->handler = on_request_end;
    cleanup->data = r->main;
    return true;
}

ngx_uint_t http_final_status(const ngx_http_request_t* r) noexcept {
    if (r->header_sent) {
        return r->headers_out.status;
    }
    const ngx_connection_t* c = r->connection;
    return c->timedout ? NGX_HTTP_REQUEST_TIME_OUT
           : c->error  ? NGX_HTTP_CLIENT_CLOSED_REQUEST
                       : NGX_HTTP_INTERNAL_SERVER_ERROR;
}

} // namespace mr
