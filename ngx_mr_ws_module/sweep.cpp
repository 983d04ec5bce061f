#include "ngx_mr_ws_module/sweep.h"

#include "ngx_mr_ws_module/connection.h"
#include "ngx_mr_ws_module/drain.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/token_renewal.h"
#include "ngx_mr_ws_module/violation.h"

namespace mr {
namespace {

constexpr ngx_msec_t kRoundMs = 1000; // a connection is visited once in it
constexpr size_t kFewestSlices = 4;   // of a round, each at a tick of its own
constexpr size_t kMostSlices = 100;
constexpr size_t kVisitsPerSlice = 256; // the events of others wait for a slice, pings and all
constexpr ngx_msec_t kDrainTickMs = 50;

struct Sweep {
    ngx_event_t tick;
    ngx_connection_t nowhere; // nginx's debug log reads the descriptor behind a timer
    bool draining;
};
Sweep sweep;

size_t slices() {
    if (sweep.draining) {
        return 1;
    }
    const size_t wanted = connections_count() / kVisitsPerSlice;
    return ngx_min(ngx_max(wanted, kFewestSlices), kMostSlices);
}

// While we do not read, silence is ours: it begins when the pause is over. A client that is gone is
// found by a ping that the kernel cannot deliver, one that takes nothing by mr_ws_send_timeout.
bool is_silent(const Connection& connection) {
    return !connection.reading_paused() &&
           clock_passed(connection.received_at_ms, connection.conf->idle_timeout);
}

// A slow reader has our ping far behind what it is reading: that it reads is its sign of life.
bool takes_nothing(const Connection& connection) {
    return clock_passed(connection.acked_at_ms, connection.conf->idle_timeout);
}

// A frame or message that trickles in. While we do not read, the delay is ours.
bool arrives_too_slowly(Connection& connection) {
    const ngx_msec_t limit = connection.conf->message_timeout;
    if (limit == 0 || connection.arriving_since_ms == 0) {
        return false;
    }
    if (connection.reading_paused()) {
        connection.arriving_since_ms = clock_mark();
        return false;
    }
    return clock_passed(connection.arriving_since_ms, limit);
}

// Not while something else waits for the client, behind which it has not seen our ping yet, nor
// while we do not read: an answer may have come.
bool ignores_pings(const Connection& connection) {
    const size_t most = connection.conf->max_unanswered_pings;
    return most != 0 && connection.pings_unanswered >= most && connection.unacked == 0 &&
           connection.output.empty() && !connection.reading_paused();
}

void ping(Connection& connection) {
    connection.pinged_at_ms = clock_ms();
    if (connection_send(connection, Opcode::ping, {}) && connection.pings_unanswered < UINT8_MAX) {
        ++connection.pings_unanswered;
    }
}

void check_open(Connection& connection) {
    const LocationConf& conf = *connection.conf;
    connection_look_for_acks(connection, false);
    if (connection_queued_bytes(connection) > 0 &&
        clock_passed(connection.progress_at_ms, conf.send_timeout) &&
        clock_passed(connection.acked_at_ms, conf.send_timeout)) {
        metric_add(Metric::limit_send_timeout);
        return connection_abort(connection, "the client took no data within mr_ws_send_timeout",
                                true);
    }
    if (is_silent(connection) && takes_nothing(connection)) {
        metric_add(Metric::limit_idle_timeout);
        return connection_close(connection, CloseCode::going_away, "idle timeout");
    }
    if (conf.ping_interval > 0 && clock_passed(connection.received_at_ms, conf.ping_interval) &&
        clock_passed(connection.pinged_at_ms, conf.ping_interval)) {
        connection_look_for_acks(connection, true);
        if (ignores_pings(connection)) {
            metric_add(Metric::limit_unanswered_pings);
            return connection_close(connection, CloseCode::policy_violation,
                                    "pings are not answered");
        }
        ping(connection);
    }
    if (arrives_too_slowly(connection)) {
        metric_add(Metric::limit_message_timeout);
        return connection_close(connection, CloseCode::policy_violation, "message took too long");
    }
    token_check(connection);
    violation_check(connection);
    drain_check(connection);
}

void check(Connection& connection) {
    switch (connection.state) {
    case ConnectionState::open:
        return check_open(connection);
    case ConnectionState::closing:
    case ConnectionState::lingering:
        if (clock_passed(connection.closing_at_ms, kCloseTimeoutMs)) {
            connection_abort(connection, "the client did not finish the close handshake", false);
        }
        return;
    case ConnectionState::finished:
        return;
    }
}

// Visited connections go to the end of the list, so that it is a ring.
void on_tick(ngx_event_t*) noexcept {
    ngx_queue_t& all = connections_all();
    for (size_t left = connections_count() / slices() + 1; left > 0; --left) {
        if (ngx_queue_empty(&all)) {
            return;
        }
        ngx_queue_t* first = ngx_queue_head(&all);
        ngx_queue_remove(first);
        ngx_queue_insert_tail(&all, first);
        auto& connection = *connection_of_all(first);
        check(connection);
        connection_settle(connection);
    }
    sweep_connection_added();
}

} // namespace

void sweep_init(ngx_log_t* log) noexcept {
    ngx_memzero(&sweep, sizeof(sweep));
    sweep.nowhere.fd = static_cast<ngx_socket_t>(-1);
    sweep.tick.handler = on_tick;
    sweep.tick.data = &sweep.nowhere;
    sweep.tick.log = log;
    sweep.tick.cancelable = 1; // alone it keeps no stopping process alive
}

void sweep_connection_added() noexcept {
    if (!sweep.tick.timer_set && connections_count() > 0) {
        ngx_add_timer(&sweep.tick, sweep.draining ? kDrainTickMs : kRoundMs / slices());
    }
}

void sweep_connection_gone() noexcept {
    if (sweep.tick.timer_set && connections_count() == 0) {
        ngx_del_timer(&sweep.tick);
    }
}

void sweep_drain() noexcept {
    sweep.draining = true;
    sweep.tick.cancelable = 0;
    if (sweep.tick.timer_set) {
        ngx_del_timer(&sweep.tick);
    }
    sweep_connection_added();
}

} // namespace mr
