#include "ngx_mr_ws_module/connection.h"

#include "ngx_mr_ws_module/connection_io.h"
#include "ngx_mr_ws_module/deflate.h"
#include "ngx_mr_ws_module/drain.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/session_log.h"
#include "ngx_mr_ws_module/socket_home.h"
#include "ngx_mr_ws_module/sweep.h"
#include "ngx_mr_ws_module/violation.h"
#include "ngx_mr_ws_module/voice_mail.h"

#include <sys/socket.h>

#include <new>

namespace mr {
namespace {

// One per nginx process.
struct Process {
    ngx_queue_t all;
    ngx_queue_t corked;
    ngx_event_t flush; // posted: runs behind the events of this turn of the loop
    size_t count;
};
Process process;

void log_end(const Connection& connection) {
    const ngx_msec_t age = ngx_current_msec - connection.opened_at;
    const ngx_str_t app = to_ngx(app_name(connection.app));
    const auto trace_id = connection.trace.trace_id();
    const ngx_str_t trace = to_ngx(trace_id);
    const char* by = connection.closed_by == ClosedBy::client ? "client" : "server";
    ngx_log_error(NGX_LOG_INFO, connection.log(), 0,
                  "mr_ws: session ended: %V v%d, %M.%03Ms, in %uL messages %uL bytes, out %uL "
                  "frames %uL bytes, close %ud by %s, trace %V",
                  &app, connection.v2 ? 2 : 1, age / 1000, age % 1000, connection.messages_in,
                  connection.bytes_in, connection.frames_out, connection.bytes_out(),
                  static_cast<unsigned>(connection.close_code), by, &trace);
}

void count_end(Connection& connection) {
    connection_set_paused(connection, PauseCause::relay, false);
    connection_set_paused(connection, PauseCause::output, false);
    connection_set_paused(connection, PauseCause::rate, false);
    connection.output.release();
    connection_count_output(connection);
    metric_take(Metric::connections);
    metric_add(metric_of_close(connection.close_code));
}

void destroy(Connection& connection) {
    session_log_end(connection);
    if (connection.relay_known) {
        connection.relay_known = false;
        voice_mail_flush(connection);
        relay_closed(connection);
    }
    log_end(connection);
    count_end(connection);
    if (connection.corked) {
        ngx_queue_remove(&connection.cork);
    }
    ngx_queue_remove(&connection.all);
    --process.count;
    ngx_connection_t* socket = connection.socket;
    connection_discard(&connection);
    socket_close(socket);
    sweep_connection_gone();
}

void on_flush(ngx_event_t*) noexcept {
    while (!ngx_queue_empty(&process.corked)) {
        ngx_queue_t* first = ngx_queue_head(&process.corked);
        auto& connection = *connection_of_cork(first);
        ngx_queue_remove(first);
        connection.corked = false;
        connection_flush(connection);
        connection_settle(connection);
    }
}

void on_write(ngx_event_t* event) noexcept {
    auto* socket = static_cast<ngx_connection_t*>(event->data);
    auto& connection = *static_cast<Connection*>(socket->data);
    if (socket->close) {
        return; // the read handler is called as well
    }
    connection_flush(connection);
    connection_settle(connection);
}

// nginx sets `close` twice: when a graceful shutdown begins, and, with `error`, when
// worker_shutdown_timeout is over.
void take_shutdown(Connection& connection) {
    ngx_connection_t* c = connection.socket;
    c->close = 0;
    if (c->error == 0) {
        return drain_begin();
    }
    c->error = 0;
    connection_close(connection, CloseCode::going_away, "server is stopping");
    connection_flush(connection);
    connection.state = ConnectionState::finished;
}

void on_read(ngx_event_t* event) noexcept {
    auto* c = static_cast<ngx_connection_t*>(event->data);
    auto& connection = *static_cast<Connection*>(c->data);
    if (c->close) {
        take_shutdown(connection);
    } else {
        if (event->timedout) {
            event->timedout = 0;
            pace_let_go(connection);
        }
        connection_read(connection);
    }
    connection_settle(connection);
}

} // namespace

void connection_pause_reading(Connection& connection) noexcept {
    connection_set_paused(connection, PauseCause::relay, true);
}

void connection_resume_reading(Connection& connection) noexcept {
    if (connection.paused_by(PauseCause::relay)) {
        connection_set_paused(connection, PauseCause::relay, false);
        ngx_post_event(connection.socket->read, &ngx_posted_events);
    }
}

void connection_turn_idle(Connection& connection) noexcept {
    violation_check(connection);
    drain_check(connection);
}

Connection* connection_create(const LocationConf& conf) noexcept {
    void* memory = std::malloc(sizeof(Connection));
    return memory == nullptr ? nullptr : new (memory) Connection(conf);
}

void connection_discard(Connection* connection) noexcept {
    std::free(connection->decoder.scratch());
    std::free(connection->end_reason);
    voice_mail_free(connection->voice);
    deflate_release(*connection);
    limits_release(connection->holds);
    identity_destroy(connection->identity);
    connection->~Connection();
    std::free(connection);
}

bool connection_take_answer(Connection& connection, ByteView answer) noexcept {
    connection.taken_out -= static_cast<int64_t>(answer.size());
    return connection.output.append(answer);
}

void connection_adopt(Connection* adopted, ngx_connection_t* socket, const OpenRequest& request,
                      std::span<uint8_t> early) noexcept {
    Connection& connection = *adopted;
    connection.socket = socket;
    connection.opened_at = ngx_current_msec;
    connection.received_at_ms = connection.pinged_at_ms = connection.acked_at_ms =
        connection.progress_at_ms = clock_ms();
    ngx_queue_insert_tail(&process.all, &connection.all);
    ++process.count;
    metric_add(Metric::connections);
    metric_add(Metric::accepted);

    socket->data = &connection;
    socket->read->handler = on_read;
    socket->write->handler = on_write;
    socket->idle = 1; // so that a graceful shutdown tells us
    set_log_action(socket->log, "serving a WebSocket");
    if (socket->ssl != nullptr) {
        // The output queue grows and moves between two tries, and counts what each one took.
        SSL_set_mode(socket->ssl->connection,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
    sweep_connection_added();

    connection.relay_known = true;
    if (!relay_open(connection, request)) {
        connection_close(connection, CloseCode::try_again_later, "out of memory");
    }
    if (ngx_exiting) {
        drain_begin();
    }
    if (!limits_take_session(connection, connection.holds)) {
        connection_close(connection, CloseCode::policy_violation, "too many sessions");
    }
    connection.bytes_in += early.size();
    metric_add(Metric::bytes_in, early.size());
    connection_decode(connection, early);
    if (socket->read->ready) {
        ngx_post_event(socket->read, &ngx_posted_events);
    }
    connection_cork(connection); // whatever has become of it: the flush settles it
}

void connection_set_paused(Connection& connection, PauseCause cause, bool paused) noexcept {
    if (connection.paused_by(cause) == paused) {
        return;
    }
    connection.paused ^= static_cast<uint8_t>(cause);
    const Metric metric = cause == PauseCause::relay    ? Metric::paused_relay
                          : cause == PauseCause::output ? Metric::paused_output
                                                        : Metric::paused_rate;
    if (paused) {
        return metric_add(metric);
    }
    metric_take(metric);
    connection.received_at_ms = clock_ms(); // as if it had just sent what may lie in the kernel
    if (connection.arriving_since_ms != 0) {
        connection.arriving_since_ms = clock_mark();
    }
}

void connection_cork(Connection& connection) noexcept {
    if (!connection.corked) {
        connection.corked = true;
        ngx_queue_insert_tail(&process.corked, &connection.cork);
    }
    ngx_post_event(&process.flush, &ngx_posted_events);
}

void connection_finish(Connection& connection, CloseCode code, ClosedBy by) noexcept {
    if (connection.state == ConnectionState::open) {
        connection.close_code = static_cast<uint16_t>(code);
        connection.closed_by = by;
    }
    connection.state = ConnectionState::finished;
}

ngx_queue_t& connections_all() noexcept {
    return process.all;
}

size_t connections_count() noexcept {
    return process.count;
}

void connection_settle(Connection& connection) noexcept {
    if (connection.state == ConnectionState::finished) {
        destroy(connection);
    }
}

void connection_abort(Connection& connection, const char* reason, bool drop) noexcept {
    ngx_log_error(NGX_LOG_INFO, connection.log(), 0, "mr_ws: connection cut: %s", reason);
    if (drop) {
        // Otherwise the kernel goes on offering it to a peer that does not read, for minutes.
        const linger reset{1, 0};
        setsockopt(connection.socket->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
    session_log_reason(connection, reason);
    connection.socket->timedout = 1; // no close_notify to a peer that takes nothing
    connection_finish(connection, CloseCode::abnormal_closure, ClosedBy::server);
}

void connections_init(ngx_log_t* log) noexcept {
    ngx_queue_init(&process.all);
    ngx_queue_init(&process.corked);
    ngx_memzero(&process.flush, sizeof(process.flush));
    process.flush.handler = on_flush;
    process.flush.log = log;
    process.count = 0;
    socket_homes_init(log);
}

void connections_exit() noexcept {
    while (!ngx_queue_empty(&process.all)) {
        auto& connection = *connection_of_all(ngx_queue_head(&process.all));
        connection_close(connection, CloseCode::going_away, "server is stopping");
        connection_flush(connection);
        connection.socket->timedout = !connection.output.empty(); // then nothing waits for it
        destroy(connection);
    }
    socket_homes_exit();
    deflate_exit();
}

} // namespace mr
