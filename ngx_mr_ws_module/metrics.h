// What is counted: counters and gauges of this process, kept on its line of the shared zone
// (shared_zone.h), so that one scrape sees all processes. Owns names, types and meaning, in one
// table; never reads a clock, never locks. Only the process itself writes its line, so counting is
// a plain addition that cannot tear.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace mr {

// In the order of the table (metrics_table.cpp); a family's members stand together.
enum class Metric : uint8_t {
    build_info,
    start_time,
    processes,

    connections,
    paused_relay,
    paused_output,
    paused_rate,
    queued_bytes,
    accepted,
    refused_handshake,
    refused_forbidden,
    refused_token,
    refused_limit,
    refused_draining,
    refused_memory,
    refused_timeout,
    refused_aborted,
    status_400,
    status_401,
    status_403,
    status_405,
    status_408,
    status_425,
    status_426,
    status_429,
    status_503,
    closed_1000,
    closed_1001,
    closed_1002,
    closed_1003,
    closed_1005,
    closed_1006,
    closed_1007,
    closed_1008,
    closed_1009,
    closed_1011,
    closed_1012,
    closed_1013,
    closed_other,

    frames_in,
    frames_out,
    bytes_in,
    bytes_out,
    text_in,
    binary_in,
    text_out,
    binary_out,
    deflate_in_compressed,
    deflate_in_plain,
    deflate_out_compressed,
    deflate_out_plain,

    limit_frame_size,
    limit_message_size,
    limit_fragments,
    limit_inflate,
    limit_frame_rate,
    limit_byte_rate,
    limit_rate_grace,
    limit_message_timeout,
    limit_handshake_timeout,
    limit_idle_timeout,
    limit_unanswered_pings,
    limit_send_timeout,
    limit_output,
    limit_live,
    limit_process_connections,
    limit_connection_rate,
    limit_address_connections,
    limit_subject_connections,
    limit_subject_sessions,
    zone_full,
    zone_bytes,
    zone_free_bytes,
    zone_names,

    sessions,
    sessions_created,
    resumes_recovered,
    resumes_snapshot,
    resumes_lost,
    resumes_refused,
    turns_begun,
    turns_ended,

    mail_stored,
    mail_lane_full,
    mail_busy,
    mail_no_worker,
    mail_not_owner,
    mail_unavailable,
    mail_error,

    http_objects_in_flight,
    http_streams_in_flight,
    http_200,
    http_204,
    http_400,
    http_401,
    http_403,
    http_405,
    http_406,
    http_408,
    http_413,
    http_415,
    http_425,
    http_429,
    http_499,
    http_500,
    http_503,
    http_504,
    http_other,
    http_streams_completed,
    http_streams_aborted,
    http_streams_drained,
    http_streams_timed_out,
    http_streams_token,
    http_streams_slow,
    http_streams_failed,
    http_events,
    http_bytes_in,
    http_bytes_out,
    http_microseconds,
    http_requests,

    redis_links_commands,
    redis_links_subscriptions,
    redis_up_commands,
    redis_up_subscriptions,
    redis_reconnects_commands,
    redis_reconnects_subscriptions,
    redis_failures_commands,
    redis_failures_subscriptions,
    redis_commands,
    redis_in_flight,
    redis_probe_microseconds,
    redis_probes,

    session_log_written,
    session_log_lost,

    count,
};

inline constexpr size_t kMetricCount = static_cast<size_t>(Metric::count);

// `metric` when `condition`, otherwise `other`, for pairs such as in and out.
constexpr Metric metric_if(bool condition, Metric metric, Metric other) noexcept {
    return condition ? metric : other;
}

enum class MetricType : uint8_t {
    counter,
    gauge,   // of a process: it is gone with the process
    summary, // two members, _sum (kept in microseconds, shown in seconds) and _count
};

struct MetricRow {
    Metric id;
    const char* name;   // of the family
    const char* labels; // `key="value"`, or empty; of a summary the suffix
    MetricType type;
    const char* help; // of the family, null behind its first member
};

// One row per member of Metric, in its order.
std::span<const MetricRow, kMetricCount> metric_rows() noexcept;

struct MetricLine {
    std::atomic<uint64_t> values[kMetricCount];
};

// Of this process; never null: what is counted before the zone is there goes nowhere.
extern MetricLine* metric_line;

inline void metric_add(Metric metric, uint64_t amount = 1) noexcept {
    auto& value = metric_line->values[static_cast<size_t>(metric)];
    value.store(value.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

inline void metric_take(Metric metric, uint64_t amount = 1) noexcept {
    metric_add(metric, ~amount + 1);
}

// The counter of a close code, of a status of a refused handshake.
Metric metric_of_close(uint16_t code) noexcept;
Metric metric_of_status(uint64_t status) noexcept;

} // namespace mr
