#include "ngx_mr_ws_module/violation.h"

#include "ngx_mr_ws_module/deflate.h"
#include "ngx_mr_ws_module/metrics.h"

namespace mr {
namespace {

// An echo comes for each message; elsewhere the end of the turn is the end of what is owed.
bool answers_owed(const Connection& connection) {
    if (connection.app == AppKind::echo) {
        return connection.messages_out < connection.messages_in;
    }
    return relay_turn_running(connection);
}

void count_limit(CloseCode code, const char* text) {
    if (text == kFrameTooBig) {
        metric_add(Metric::limit_frame_size);
    } else if (text == kMessageTooBig) {
        metric_add(Metric::limit_message_size);
    } else if (text == kTooManyFragments) {
        metric_add(Metric::limit_fragments);
    } else if (code == CloseCode::message_too_big) {
        metric_add(Metric::limit_inflate);
    }
}

} // namespace

void violation_found(Connection& connection, CloseCode code, const char* text) noexcept {
    if (connection.violation != nullptr) {
        return;
    }
    ngx_log_error(NGX_LOG_INFO, connection.log(), 0, "mr_ws: client broke the protocol: %s", text);
    count_limit(code, text);
    connection.violation = text;
    connection.violation_code = static_cast<uint16_t>(code);
    connection.closing_at_ms = clock_ms();
    connection.message.release();
    connection.unread.release();
    deflate_release(connection);
    violation_check(connection);
}

void violation_check(Connection& connection) noexcept {
    if (connection.violation == nullptr || connection.state != ConnectionState::open) {
        return;
    }
    if (answers_owed(connection) &&
        !clock_passed(connection.closing_at_ms, connection.conf->violation_grace)) {
        return;
    }
    connection_close(connection, CloseCode{connection.violation_code}, connection.violation);
}

} // namespace mr
