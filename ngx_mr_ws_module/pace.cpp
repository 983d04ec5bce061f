#include "ngx_mr_ws_module/pace.h"

#include "ngx_mr_ws_module/connection_io.h"
#include "ngx_mr_ws_module/metrics.h"

namespace mr {
namespace {

constexpr uint32_t kSecondUs = 1000000;
constexpr uint32_t kMillisecondUs = 1000;
// Of the least rates a whole read takes 4 s (kReadBytes of 16 KiB/s), a frame 0.1 s, and nothing is
// read while a bucket is overdrawn: far below what 32 bits hold.
constexpr uint64_t kMostMissingUs = UINT32_MAX;

void fill(uint32_t& missing_us, uint32_t passed_ms) {
    const uint64_t passed_us = uint64_t{passed_ms} * kMillisecondUs;
    missing_us = passed_us < missing_us ? missing_us - static_cast<uint32_t>(passed_us) : 0;
}

// Both buckets as they are now.
void fill(Pace& pace) {
    const uint32_t passed_ms = clock_ms() - pace.charged_at_ms;
    pace.charged_at_ms = clock_ms();
    fill(pace.frames_missing_us, passed_ms);
    fill(pace.bytes_missing_us, passed_ms);
}

// Takes `cost_us` out of a bucket of a second. What it is overdrawn by, in microseconds.
uint32_t charge(uint32_t& missing_us, uint64_t cost_us) {
    const uint64_t missing = missing_us + cost_us;
    missing_us = static_cast<uint32_t>(missing < kMostMissingUs ? missing : kMostMissingUs);
    return missing_us > kSecondUs ? missing_us - kSecondUs : 0;
}

// False: it has been held back for too long.
bool may_go_on(Connection& connection) {
    Pace& pace = connection.pace;
    if (pace.held_since_ms == 0 || clock_ms() - pace.let_go_at_ms >= kPaceBreakMs) {
        pace.held_since_ms = clock_mark();
        return true;
    }
    const ngx_msec_t grace = connection.conf->rate_grace;
    return grace == 0 || clock_ms() - pace.held_since_ms < grace;
}

void hold_back(Connection& connection, uint32_t overdrawn_us, Metric limit) {
    if (overdrawn_us == 0 || connection.paused_by(PauseCause::rate) ||
        connection.state != ConnectionState::open) {
        return;
    }
    metric_add(limit);
    if (!may_go_on(connection)) {
        metric_add(Metric::limit_rate_grace);
        return connection_close(connection, CloseCode::policy_violation, "sends too fast");
    }
    connection_set_paused(connection, PauseCause::rate, true);
    ngx_add_timer(connection.socket->read, overdrawn_us / kMillisecondUs + kPauseMoreMs);
}

} // namespace

void pace_take_frame(Connection& connection) noexcept {
    const size_t rate = connection.conf->frame_rate;
    if (rate != 0) {
        fill(connection.pace);
        hold_back(connection, charge(connection.pace.frames_missing_us, kSecondUs / rate),
                  Metric::limit_frame_rate);
    }
}

void pace_take_bytes(Connection& connection, size_t bytes) noexcept {
    const size_t rate = connection.conf->byte_rate;
    if (rate != 0) {
        fill(connection.pace);
        hold_back(connection, charge(connection.pace.bytes_missing_us, bytes * kSecondUs / rate),
                  Metric::limit_byte_rate);
    }
}

void pace_let_go(Connection& connection) noexcept {
    if (connection.paused_by(PauseCause::rate)) {
        connection.pace.let_go_at_ms = clock_ms();
        connection_set_paused(connection, PauseCause::rate, false);
    }
}

} // namespace mr
