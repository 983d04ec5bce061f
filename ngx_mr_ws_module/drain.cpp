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

bool reached(ngx_msec_t when, ngx_msec_t now) {
    return static_cast<ngx_msec_int_t>(now - when) >= 0;
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
    ngx_queue_t& all = connections_all();
    for (ngx_queue_t* at = ngx_queue_head(&all); at != ngx_queue_sentinel(&all);
         at = ngx_queue_next(at)) {
        drain_schedule(*connection_of_all(at));
    }
    sweep_drain();
    relay_shutting_down(cycle);
}

void drain_schedule(Connection& connection) noexcept {
    connection.draining = true;
    connection.drain_at = drain.began_at + random_below(connection.conf->drain / 2);
}

void drain_check(Connection& connection, ngx_msec_t now) noexcept {
    if (!connection.draining || connection.state != ConnectionState::open ||
        !reached(connection.drain_at, now)) {
        return;
    }
    const bool window_over = reached(drain.began_at + connection.conf->drain, now);
    if (!window_over && relay_turn_running(connection)) {
        return;
    }
    if (connection.v2 && connection.app != AppKind::echo) {
        announce(connection);
    }
    connection_close(connection, CloseCode::going_away, "server is reloading");
}

} // namespace mr
