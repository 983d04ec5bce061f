#include "ngx_mr_ws_module/connection_io.h"
#include "ngx_mr_ws_module/deflate.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/session_log.h"
#include "ngx_mr_ws_module/token_renewal.h"
#include "ngx_mr_ws_module/violation.h"
#include "ngx_mr_ws_module/voice_mail.h"

#include <utility>

namespace mr {
namespace {

uint8_t input_block[kReadBytes]; // every read of this process goes here

// Whoever sends and does not read what comes back waits: every ping is owed its pong, every message
// that cannot be taken its refusal.
void pause_if_unread(Connection& connection) {
    if (connection.output.bytes() > connection.conf->send_limit + kReplyHeadroomBytes) {
        connection_set_paused(connection, PauseCause::output, true);
    }
}

void deliver(Connection& connection, Opcode opcode, ByteView message) {
    ++connection.messages_in;
    metric_add(metric_if(opcode == Opcode::text, Metric::text_in, Metric::binary_in));
    if (opcode == Opcode::text && token_take(connection, message)) {
        return;
    }
    if (connection.conf->voice != 0) {
        voice_mail_take(connection, opcode, message);
    } else {
        relay_message(connection, opcode, message);
    }
    pause_if_unread(connection);
}

void take_data(Connection& connection, const FrameEvent& event) {
    if (event.compressed) {
        if (!deflate_input(connection, event)) {
            return;
        }
    } else if (event.message_start && event.message_end) {
        return deliver(connection, event.opcode, event.payload);
    } else if (!connection.message.append(event.payload)) {
        return connection_close(connection, CloseCode::try_again_later, "out of memory");
    }
    if (event.message_end) {
        const Buffer whole(std::move(connection.message));
        deliver(connection, event.opcode, whole.view());
    }
}

void take_ping(Connection& connection, ByteView payload) {
    connection_send(connection, Opcode::pong, payload);
    pause_if_unread(connection);
}

void lend_scratch(Connection& connection) {
    auto* scratch = static_cast<uint8_t*>(std::malloc(kMaxControlPayloadBytes));
    if (scratch == nullptr) {
        return connection_close(connection, CloseCode::try_again_later, "out of memory");
    }
    connection.decoder.lend_scratch(scratch);
}

void reclaim_scratch(Connection& connection) {
    std::free(connection.decoder.reclaim_scratch());
}

// Of a message its pieces are events; a control frame is one.
void count_frame(Connection& connection, const FrameEvent& event) {
    const bool control = event.kind == EventKind::ping || event.kind == EventKind::pong ||
                         event.kind == EventKind::close;
    if (control || (event.kind == EventKind::data && event.frame_end)) {
        ++connection.frames_in;
        metric_add(Metric::frames_in);
        pace_take_frame(connection);
    }
}

// Since when something is on its way that is not whole. What has just become whole takes the mark
// along, so that the next one gets its own.
void mark_whole(Connection& connection) {
    if (!connection.decoder.in_message()) {
        connection.arriving_since_ms = 0;
    }
}

void mark_arriving(Connection& connection) {
    if (connection.decoder.idle()) {
        connection.arriving_since_ms = 0;
    } else if (connection.arriving_since_ms == 0) {
        connection.arriving_since_ms = clock_mark();
    }
}

void take_event(Connection& connection, const FrameEvent& event) {
    count_frame(connection, event);
    mark_whole(connection);
    if (connection.state != ConnectionState::open) {
        return; // it sends too fast
    }
    switch (event.kind) {
    case EventKind::data:
        return take_data(connection, event);
    case EventKind::ping:
        return take_ping(connection, event.payload);
    case EventKind::need_scratch:
        return lend_scratch(connection);
    case EventKind::close:
        session_log_reason(connection, as_text(event.payload));
        return connection_begin_close(connection, CloseCode{event.close_code}, {},
                                      ClosedBy::client);
    case EventKind::error:
        return violation_found(connection, CloseCode{event.close_code}, event.error_text);
    case EventKind::pong:
        connection.pings_unanswered = 0;
        return;
    case EventKind::stopped:
    case EventKind::need_more:
        return;
    }
}

// The client's side has ended: orderly behind the close handshake, otherwise without one. What is
// queued, the answer to its Close frame for one, may still reach a client that has half closed.
void take_eof(Connection& connection) {
    connection_flush(connection);
    connection_finish(connection, CloseCode::abnormal_closure, ClosedBy::client);
}

// True while there may be more to read.
bool read_once(Connection& connection) {
    ngx_connection_t* c = connection.socket;
    const ssize_t count = c->recv(c, input_block, sizeof(input_block));
    if (count == NGX_AGAIN) {
        return false;
    }
    if (count < 0) {
        connection_finish(connection, CloseCode::abnormal_closure, ClosedBy::client);
        return false;
    }
    if (count == 0) {
        take_eof(connection);
        return false;
    }
    const auto size = static_cast<size_t>(count);
    if (connection.state == ConnectionState::open) {
        connection.received_at_ms = clock_ms();
        connection.bytes_in += size;
        metric_add(Metric::bytes_in, size);
        pace_take_bytes(connection, size);
        connection_decode(connection, {input_block, size});
    }
    return c->read->ready;
}

} // namespace

void connection_decode(Connection& connection, std::span<uint8_t> input) noexcept {
    for (;;) {
        if (connection.state != ConnectionState::open || connection.violation != nullptr) {
            return;
        }
        if (connection.reading_paused()) {
            if (!connection.unread.append(ByteView(input))) {
                connection_close(connection, CloseCode::try_again_later, "out of memory");
            }
            return;
        }
        const FrameEvent event = connection.decoder.next(input, connection.limits());
        if (event.kind == EventKind::need_more) {
            mark_arriving(connection);
            return reclaim_scratch(connection);
        }
        take_event(connection, event);
    }
}

void connection_read(Connection& connection) noexcept {
    if (connection.unread.size() > 0 && !connection.reading_paused()) {
        Buffer kept(std::move(connection.unread));
        connection_decode(connection, {kept.data(), kept.size()});
    }
    ngx_connection_t* c = connection.socket;
    for (uint32_t reads = 0; reads < kReadsPerTurn; ++reads) {
        if (connection.reading_paused() && connection.state == ConnectionState::open) {
            return; // what comes now stays in the kernel, an end of file as well
        }
        if (connection.state == ConnectionState::finished) {
            return;
        }
        if (!read_once(connection)) {
            if (connection.state != ConnectionState::finished &&
                ngx_handle_read_event(c->read, 0) != NGX_OK) {
                connection_finish(connection, CloseCode::internal_error, ClosedBy::server);
            }
            return;
        }
    }
    if (connection.state != ConnectionState::finished) {
        ngx_post_event(c->read, &ngx_posted_next_events);
    }
}

} // namespace mr
