#include "ngx_mr_ws_module/pace.h"

#include "ngx_mr_ws_module/connection_io.h"
#include "ngx_mr_ws_module/metrics.h"

namespace mr {
namespace {

constexpr uint64_t kSecondUs = 1000000;
constexpr uint64_t kMillisecondUs = 1000;

uint32_t now_ms() {
    return static_cast<uint32_t>(ngx_current_msec);
}

// Takes `cost_us` out of a bucket of a second. What it is overdrawn by, in microseconds.
uint64_t charge(uint64_t& until_us, uint64_t cost_us) {
    const uint64_t now_us = ngx_current_msec * kMillisecondUs;
    until_us = (until_us > now_us ? until_us : now_us) + cost_us;
    const uint64_t ahead_us = until_us - now_us;
    return ahead_us > kSecondUs ? ahead_us - kSecondUs : 0;
}

// False: it has been held back for too long.
bool may_go_on(Connection& connection) {
    Pace& pace = connection.pace;
    if (pace.held_since_ms == 0 || now_ms() - pace.let_go_at_ms >= kPaceBreakMs) {
        pace.held_since_ms = now_ms() | 1; // 0: never
        return true;
    }
    const ngx_msec_t grace = connection.conf->rate_grace;
    return grace == 0 || now_ms() - pace.held_since_ms < grace;
}

void hold_back(Connection& connection, uint64_t overdrawn_us, Metric limit) {
    if (overdrawn_us == 0 || connection.paused_by_rate ||
        connection.state != ConnectionState::open) {
        return;
    }
    metric_add(limit);
    if (!may_go_on(connection)) {
        metric_add(Metric::limit_rate_grace);
        return connection_close(connection, CloseCode::policy_violation, "sends too fast");
    }
    connection_set_paused(connection, &Connection::paused_by_rate, true);
    ngx_add_timer(connection.socket->read, overdrawn_us / kMillisecondUs + kPauseMoreMs);
}

} // namespace

void pace_take_frame(Connection& connection) noexcept {
    const size_t rate = connection.conf->frame_rate;
    if (rate != 0) {
        hold_back(connection, charge(connection.pace.frames_until_us, kSecondUs / rate),
                  Metric::limit_frame_rate);
    }
}

void pace_take_bytes(Connection& connection, size_t bytes) noexcept {
    const size_t rate = connection.conf->byte_rate;
    if (rate != 0) {
        hold_back(connection, charge(connection.pace.bytes_until_us, bytes * kSecondUs / rate),
                  Metric::limit_byte_rate);
    }
}

void pace_let_go(Connection& connection) noexcept {
    if (connection.paused_by_rate) {
        connection.pace.let_go_at_ms = now_ms();
        connection_set_paused(connection, &Connection::paused_by_rate, false);
    }
}

} // namespace mr
