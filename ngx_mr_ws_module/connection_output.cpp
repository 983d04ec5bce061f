#include "ngx_mr_ws_module/connection_io.h"
#include "ngx_mr_ws_module/deflate.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/session_log.h"
#include "ngx_mr_ws_module/voice_mail.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace mr {
namespace {

// Our Close frame is in the kernel. Closing now could reset the connection under the client's last
// bytes and take the frame from it: so only our side is shut, and theirs is read to its end.
void begin_linger(Connection& connection) {
    ngx_connection_t* c = connection.socket;
    if (c->ssl != nullptr) {
        c->ssl->shutdown_without_free = 1; // leaves raw reads behind
        c->ssl->handler = ngx_http_close_connection;
        if (ngx_ssl_shutdown(c) == NGX_AGAIN) {
            c->ssl->shutdown_without_free = 0;
            connection.state = ConnectionState::finished; // closing goes on in nginx
            return;
        }
    }
    if (shutdown(c->fd, SHUT_WR) == -1) {
        connection.state = ConnectionState::finished;
        return;
    }
    connection.state = ConnectionState::lingering;
    ngx_post_event(c->read, &ngx_posted_events);
}

void count_frame_out(Connection& connection, Opcode opcode) {
    ++connection.frames_out;
    metric_add(Metric::frames_out);
    if (!is_control(opcode)) {
        ++connection.messages_out;
        metric_add(metric_if(opcode == Opcode::text, Metric::text_out, Metric::binary_out));
    }
}

void count_taken(Connection& connection, size_t taken) {
    const uint64_t before = connection.bytes_out();
    connection.taken_out += static_cast<int64_t>(taken);
    metric_add(Metric::bytes_out, connection.bytes_out() - before);
}

} // namespace

void connection_count_output(Connection& connection) noexcept {
    const size_t bytes = connection.output.bytes();
    metric_add(Metric::queued_bytes, bytes - connection.counted_output); // modulo 2^64
    connection.counted_output = static_cast<uint32_t>(bytes);
}

bool connection_send(Connection& connection, Opcode opcode, ByteView payload) noexcept {
    return connection_send_parts(connection, opcode, {&payload, 1});
}

bool connection_send_parts(Connection& connection, Opcode opcode,
                           std::span<const ByteView> parts) noexcept {
    if (connection.state != ConnectionState::open) {
        return false;
    }
    if (connection.output.empty()) {
        connection.progress_at_ms = clock_ms();
    }
    const size_t limit = connection.conf->send_limit;
    if (connection.output.bytes() > limit + kOutputHeadroomBytes) {
        metric_add(Metric::limit_output);
        connection_close(connection, CloseCode::try_again_later, "client reads too slowly");
        return false;
    }
    if (!deflate_append(connection, opcode, parts)) {
        connection_close(connection, CloseCode::try_again_later, "out of memory");
        return false;
    }
    count_frame_out(connection, opcode);
    connection_count_output(connection);
    connection.over_limit |= connection.output.bytes() > limit;
    connection_cork(connection);
    return true;
}

size_t connection_queued_bytes(const Connection& connection) noexcept {
    return connection.output.bytes();
}

void connection_look_for_acks(Connection& connection, bool always) noexcept {
    if (!always && connection.unacked == 0 && connection.output.empty()) {
        return;
    }
    int held = 0; // bytes that the peer's kernel has not acknowledged, tcp(7), unix(7)
    if (ioctl(connection.socket->fd, SIOCOUTQ, &held) == -1 || held < 0) {
        return;
    }
    if (static_cast<uint32_t>(held) < connection.unacked) {
        connection.acked_at_ms = clock_ms();
    }
    connection.unacked = static_cast<uint32_t>(held);
}

void connection_close(Connection& connection, CloseCode code, std::string_view reason) noexcept {
    if (connection.state == ConnectionState::open) {
        connection_begin_close(connection, code, reason, ClosedBy::server);
    }
}

void connection_begin_close(Connection& connection, CloseCode code, std::string_view reason,
                            ClosedBy by) noexcept {
    uint8_t payload[kMaxControlPayloadBytes];
    const ByteView frame(payload, encode_close_payload(payload, code, reason));
    session_log_reason(connection, reason);
    connection.close_code = static_cast<uint16_t>(code);
    connection.closed_by = by;
    connection.state = ConnectionState::closing;
    connection.closing_at_ms = clock_ms();
    voice_mail_flush(connection);
    connection.message.release();
    connection.unread.release();
    deflate_release(connection);
    if (connection.output.append_frame(Opcode::close, {&frame, 1})) {
        count_frame_out(connection, Opcode::close);
        connection_count_output(connection);
    } else {
        connection.state = ConnectionState::finished;
    }
    connection_cork(connection);
}

void connection_flush(Connection& connection) noexcept {
    if (connection.state == ConnectionState::finished ||
        connection.state == ConnectionState::lingering) {
        return;
    }
    size_t taken = 0;
    const SendResult result = connection.output.send(connection.socket, taken);
    count_taken(connection, taken);
    connection_count_output(connection);
    if (taken > 0) {
        connection.progress_at_ms = clock_ms();
    }
    if (result == SendResult::failed ||
        (result == SendResult::blocked &&
         ngx_handle_write_event(connection.socket->write, 0) != NGX_OK)) {
        return connection_finish(connection, CloseCode::abnormal_closure, ClosedBy::client);
    }
    if (connection.state == ConnectionState::closing) {
        if (result == SendResult::all) {
            begin_linger(connection);
        }
        return;
    }
    if (connection.output.bytes() > connection.conf->send_limit / 2) {
        return;
    }
    if (connection.paused_by(PauseCause::output)) {
        connection_set_paused(connection, PauseCause::output, false);
        ngx_post_event(connection.socket->read, &ngx_posted_events);
    }
    if (connection.over_limit) {
        connection.over_limit = false;
        relay_drained(connection);
    }
}

} // namespace mr
