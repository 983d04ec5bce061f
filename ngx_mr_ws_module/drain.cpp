#include "ngx_mr_ws_module/drain.h"

#include "ngx_mr_ws_module/sweep.h"
#include "shared/ids.h"

namespace mr {
namespace {

// When a client should come back. The closes are spread already; this only parts those of a tick.
constexpr ngx_msec_t kReconnectLeastMs = 100;
constexpr ngx_msec_t kReconnectSpreadMs = 900;

struct Drain {
    bool active;
    ngx_msec_t began_at;
};
Drain drain; // the process ends with it: never reset

ngx_msec_t random_below(ngx_msec_t limit) {
    return limit == 0 ? 0 : static_cast<ngx_msec_t>(ngx_random()) % limit;
}

bool reached(ngx_msec_t when) {
    return static_cast<ngx_msec_int_t>(ngx_current_msec - when) >= 0;
}

// The point of the window at which this session goes: drawn with its id, which is random.
ngx_msec_t point_of(const Connection& connection) {
    const ngx_msec_t half = connection.conf->drain / 2;
    return half == 0 ? 0 : static_cast<ngx_msec_t>(connection.id % half);
}

void announce(Connection& connection) {
    char digits[20];
    const size_t count =
        format_decimal(kReconnectLeastMs + random_below(kReconnectSpreadMs), digits);
    const ByteView parts[] = {
        as_bytes(R"({"type":"going_away","reconnect_in_ms":)"),
        as_bytes({digits, count}),
        as_bytes(R"(,"reason":"reload"})"),
    };
    connection_send_parts(connection, Opcode::text, parts);
}

} // namespace

void drain_begin() noexcept {
    if (drain.active) {
        return;
    }
    drain.active = true;
    drain.began_at = ngx_current_msec;
    auto* cycle = const_cast<ngx_cycle_t*>(ngx_cycle);
    ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0, "mr_ws: closing %uz sessions",
                  connections_count());
    sweep_drain();
    relay_shutting_down(cycle);
}

void drain_check(Connection& connection) noexcept {
    if (!drain.active || connection.state != ConnectionState::open ||
        !reached(drain.began_at + point_of(connection))) {
        return;
    }
    const bool window_over = reached(drain.began_at + connection.conf->drain);
    if (!window_over && relay_turn_running(connection)) {
        return;
    }
    if (connection.v2 && connection.app != AppKind::echo) {
        announce(connection);
    }
    connection_close(connection, CloseCode::going_away, "server is reloading");
}

} // namespace mr
