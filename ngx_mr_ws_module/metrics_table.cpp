#include "ngx_mr_ws_module/metrics.h"

namespace mr {
namespace {

MetricLine nowhere;

constexpr MetricRow kRows[kMetricCount] = {
    {Metric::build_info, "mr_ws_build_info", "", MetricType::gauge,
     "Always 1; what the module was built for"},
    {Metric::start_time, "mr_ws_start_time_seconds", "", MetricType::gauge,
     "Unix time since which is counted: the start of nginx"},
    {Metric::processes, "mr_ws_processes", "", MetricType::gauge,
     "nginx processes that serve, those that drain included"},
    {Metric::connections, "mr_ws_connections", "", MetricType::gauge, "Open WebSocket connections"},
    {Metric::paused_relay, "mr_ws_connections_paused", "by=\"relay\"", MetricType::gauge,
     "Connections whose client is not read from: its messages are not dealt with yet (relay), it "
     "does not read what it asks for (output), it sends faster than allowed (rate)"},
    {Metric::paused_output, "mr_ws_connections_paused", "by=\"output\"", MetricType::gauge,
     nullptr},
    {Metric::paused_rate, "mr_ws_connections_paused", "by=\"rate\"", MetricType::gauge, nullptr},
    {Metric::queued_bytes, "mr_ws_queued_bytes", "", MetricType::gauge,
     "Output that the kernel has not taken yet"},
    {Metric::accepted, "mr_ws_connections_accepted_total", "", MetricType::counter,
     "Handshakes that became a connection"},
    {Metric::refused_handshake, "mr_ws_connections_refused_total", "reason=\"handshake\"",
     MetricType::counter, "Handshakes that did not"},
    {Metric::refused_forbidden, "mr_ws_connections_refused_total", "reason=\"forbidden\"",
     MetricType::counter, nullptr},
    {Metric::refused_token, "mr_ws_connections_refused_total", "reason=\"token\"",
     MetricType::counter, nullptr},
    {Metric::refused_limit, "mr_ws_connections_refused_total", "reason=\"limit\"",
     MetricType::counter, nullptr},
    {Metric::refused_draining, "mr_ws_connections_refused_total", "reason=\"draining\"",
     MetricType::counter, nullptr},
    {Metric::refused_memory, "mr_ws_connections_refused_total", "reason=\"memory\"",
     MetricType::counter, nullptr},
    {Metric::refused_timeout, "mr_ws_connections_refused_total", "reason=\"timeout\"",
     MetricType::counter, nullptr},
    {Metric::refused_aborted, "mr_ws_connections_refused_total", "reason=\"aborted\"",
     MetricType::counter, nullptr},
    {Metric::status_400, "mr_ws_handshakes_failed_total", "status=\"400\"", MetricType::counter,
     "Handshakes by the status they were refused with"},
    {Metric::status_401, "mr_ws_handshakes_failed_total", "status=\"401\"", MetricType::counter,
     nullptr},
    {Metric::status_403, "mr_ws_handshakes_failed_total", "status=\"403\"", MetricType::counter,
     nullptr},
    {Metric::status_405, "mr_ws_handshakes_failed_total", "status=\"405\"", MetricType::counter,
     nullptr},
    {Metric::status_408, "mr_ws_handshakes_failed_total", "status=\"408\"", MetricType::counter,
     nullptr},
    {Metric::status_425, "mr_ws_handshakes_failed_total", "status=\"425\"", MetricType::counter,
     nullptr},
    {Metric::status_426, "mr_ws_handshakes_failed_total", "status=\"426\"", MetricType::counter,
     nullptr},
    {Metric::status_429, "mr_ws_handshakes_failed_total", "status=\"429\"", MetricType::counter,
     nullptr},
    {Metric::status_503, "mr_ws_handshakes_failed_total", "status=\"503\"", MetricType::counter,
     nullptr},
    {Metric::closed_1000, "mr_ws_connections_closed_total", "code=\"1000\"", MetricType::counter,
     "Ended connections by close code; 1005: the client named none, 1006: without a close "
     "handshake"},
    {Metric::closed_1001, "mr_ws_connections_closed_total", "code=\"1001\"", MetricType::counter,
     nullptr},
    {Metric::closed_1002, "mr_ws_connections_closed_total", "code=\"1002\"", MetricType::counter,
     nullptr},
    {Metric::closed_1003, "mr_ws_connections_closed_total", "code=\"1003\"", MetricType::counter,
     nullptr},
    {Metric::closed_1005, "mr_ws_connections_closed_total", "code=\"1005\"", MetricType::counter,
     nullptr},
    {Metric::closed_1006, "mr_ws_connections_closed_total", "code=\"1006\"", MetricType::counter,
     nullptr},
    {Metric::closed_1007, "mr_ws_connections_closed_total", "code=\"1007\"", MetricType::counter,
     nullptr},
    {Metric::closed_1008, "mr_ws_connections_closed_total", "code=\"1008\"", MetricType::counter,
     nullptr},
    {Metric::closed_1009, "mr_ws_connections_closed_total", "code=\"1009\"", MetricType::counter,
     nullptr},
    {Metric::closed_1011, "mr_ws_connections_closed_total", "code=\"1011\"", MetricType::counter,
     nullptr},
    {Metric::closed_1012, "mr_ws_connections_closed_total", "code=\"1012\"", MetricType::counter,
     nullptr},
    {Metric::closed_1013, "mr_ws_connections_closed_total", "code=\"1013\"", MetricType::counter,
     nullptr},
    {Metric::closed_other, "mr_ws_connections_closed_total", "code=\"other\"", MetricType::counter,
     nullptr},
    {Metric::frames_in, "mr_ws_frames_total", "direction=\"in\"", MetricType::counter,
     "Frames, control frames included"},
    {Metric::frames_out, "mr_ws_frames_total", "direction=\"out\"", MetricType::counter, nullptr},
    {Metric::bytes_in, "mr_ws_bytes_total", "direction=\"in\"", MetricType::counter,
     "Bytes of frames with their headers, inside TLS"},
    {Metric::bytes_out, "mr_ws_bytes_total", "direction=\"out\"", MetricType::counter, nullptr},
    {Metric::text_in, "mr_ws_messages_total", "direction=\"in\",type=\"text\"", MetricType::counter,
     "Whole messages"},
    {Metric::binary_in, "mr_ws_messages_total", "direction=\"in\",type=\"binary\"",
     MetricType::counter, nullptr},
    {Metric::text_out, "mr_ws_messages_total", "direction=\"out\",type=\"text\"",
     MetricType::counter, nullptr},
    {Metric::binary_out, "mr_ws_messages_total", "direction=\"out\",type=\"binary\"",
     MetricType::counter, nullptr},
    {Metric::deflate_in_compressed, "mr_ws_deflate_bytes_total",
     "direction=\"in\",form=\"compressed\"", MetricType::counter,
     "Payload of messages that were compressed, as it was sent and as it is"},
    {Metric::deflate_in_plain, "mr_ws_deflate_bytes_total", "direction=\"in\",form=\"plain\"",
     MetricType::counter, nullptr},
    {Metric::deflate_out_compressed, "mr_ws_deflate_bytes_total",
     "direction=\"out\",form=\"compressed\"", MetricType::counter, nullptr},
    {Metric::deflate_out_plain, "mr_ws_deflate_bytes_total", "direction=\"out\",form=\"plain\"",
     MetricType::counter, nullptr},
    {Metric::limit_frame_size, "mr_ws_limit_hits_total", "limit=\"frame_size\"",
     MetricType::counter, "What was refused, held back or closed for each limit"},
    {Metric::limit_message_size, "mr_ws_limit_hits_total", "limit=\"message_size\"",
     MetricType::counter, nullptr},
    {Metric::limit_fragments, "mr_ws_limit_hits_total", "limit=\"fragments\"", MetricType::counter,
     nullptr},
    {Metric::limit_inflate, "mr_ws_limit_hits_total", "limit=\"inflate\"", MetricType::counter,
     nullptr},
    {Metric::limit_frame_rate, "mr_ws_limit_hits_total", "limit=\"frame_rate\"",
     MetricType::counter, nullptr},
    {Metric::limit_byte_rate, "mr_ws_limit_hits_total", "limit=\"byte_rate\"", MetricType::counter,
     nullptr},
    {Metric::limit_rate_grace, "mr_ws_limit_hits_total", "limit=\"rate_grace\"",
     MetricType::counter, nullptr},
    {Metric::limit_message_timeout, "mr_ws_limit_hits_total", "limit=\"message_timeout\"",
     MetricType::counter, nullptr},
    {Metric::limit_handshake_timeout, "mr_ws_limit_hits_total", "limit=\"handshake_timeout\"",
     MetricType::counter, nullptr},
    {Metric::limit_idle_timeout, "mr_ws_limit_hits_total", "limit=\"idle_timeout\"",
     MetricType::counter, nullptr},
    {Metric::limit_unanswered_pings, "mr_ws_limit_hits_total", "limit=\"unanswered_pings\"",
     MetricType::counter, nullptr},
    {Metric::limit_send_timeout, "mr_ws_limit_hits_total", "limit=\"send_timeout\"",
     MetricType::counter, nullptr},
    {Metric::limit_output, "mr_ws_limit_hits_total", "limit=\"output\"", MetricType::counter,
     nullptr},
    {Metric::limit_live, "mr_ws_limit_hits_total", "limit=\"live\"", MetricType::counter, nullptr},
    {Metric::limit_process_connections, "mr_ws_limit_hits_total", "limit=\"process_connections\"",
     MetricType::counter, nullptr},
    {Metric::limit_connection_rate, "mr_ws_limit_hits_total", "limit=\"connection_rate\"",
     MetricType::counter, nullptr},
    {Metric::limit_address_connections, "mr_ws_limit_hits_total", "limit=\"address_connections\"",
     MetricType::counter, nullptr},
    {Metric::limit_subject_connections, "mr_ws_limit_hits_total", "limit=\"subject_connections\"",
     MetricType::counter, nullptr},
    {Metric::limit_subject_sessions, "mr_ws_limit_hits_total", "limit=\"subject_sessions\"",
     MetricType::counter, nullptr},
    {Metric::zone_full, "mr_ws_zone_full_total", "", MetricType::counter,
     "Connections let in without being counted per address or subject, because the zone was full"},
    {Metric::zone_bytes, "mr_ws_zone_bytes", "", MetricType::gauge, "Size of the shared zone"},
    {Metric::zone_free_bytes, "mr_ws_zone_free_bytes", "", MetricType::gauge,
     "Whole pages of it that are free"},
    {Metric::zone_names, "mr_ws_zone_names", "", MetricType::gauge,
     "Addresses, subjects and their sessions that the zone counts for"},
    {Metric::sessions, "mr_ws_sessions", "", MetricType::gauge,
     "Sessions with a connection, as each process knows them"},
    {Metric::sessions_created, "mr_ws_sessions_created_total", "", MetricType::counter,
     "New sessions"},
    {Metric::resumes_recovered, "mr_ws_resumes_total", "outcome=\"recovered\"", MetricType::counter,
     "Ways back to a session: nothing missed (recovered), from a snapshot, with a gap (lost), "
     "resume token not accepted (refused)"},
    {Metric::resumes_snapshot, "mr_ws_resumes_total", "outcome=\"snapshot\"", MetricType::counter,
     nullptr},
    {Metric::resumes_lost, "mr_ws_resumes_total", "outcome=\"lost\"", MetricType::counter, nullptr},
    {Metric::resumes_refused, "mr_ws_resumes_total", "outcome=\"refused\"", MetricType::counter,
     nullptr},
    {Metric::turns_begun, "mr_ws_turns_begun_total", "", MetricType::counter,
     "Turns whose first event a process has seen"},
    {Metric::turns_ended, "mr_ws_turns_ended_total", "", MetricType::counter,
     "Turns whose last event a process has seen"},
    {Metric::mail_stored, "mr_ws_mail_stored_total", "", MetricType::counter,
     "Messages of clients that Redis has taken"},
    {Metric::mail_lane_full, "mr_ws_mail_refused_total", "reason=\"lane_full\"",
     MetricType::counter, "Messages of clients that were answered with an error"},
    {Metric::mail_busy, "mr_ws_mail_refused_total", "reason=\"busy\"", MetricType::counter,
     nullptr},
    {Metric::mail_no_worker, "mr_ws_mail_refused_total", "reason=\"no_worker\"",
     MetricType::counter, nullptr},
    {Metric::mail_not_owner, "mr_ws_mail_refused_total", "reason=\"not_owner\"",
     MetricType::counter, nullptr},
    {Metric::mail_unavailable, "mr_ws_mail_refused_total", "reason=\"unavailable\"",
     MetricType::counter, nullptr},
    {Metric::mail_error, "mr_ws_mail_refused_total", "reason=\"error\"", MetricType::counter,
     nullptr},
    {Metric::http_objects_in_flight, "mr_ws_http_requests_in_flight", "form=\"object\"",
     MetricType::gauge,
     "Requests to mr_ws_http that have been let in and not ended, by the form of their answer"},
    {Metric::http_streams_in_flight, "mr_ws_http_requests_in_flight", "form=\"stream\"",
     MetricType::gauge, nullptr},
    {Metric::http_200, "mr_ws_http_requests_total", "status=\"200\"", MetricType::counter,
     "Requests to mr_ws_http that have ended, by status; 204: a preflight, 499: the client went "
     "before there was an answer"},
    {Metric::http_204, "mr_ws_http_requests_total", "status=\"204\"", MetricType::counter, nullptr},
    {Metric::http_400, "mr_ws_http_requests_total", "status=\"400\"", MetricType::counter, nullptr},
    {Metric::http_401, "mr_ws_http_requests_total", "status=\"401\"", MetricType::counter, nullptr},
    {Metric::http_403, "mr_ws_http_requests_total", "status=\"403\"", MetricType::counter, nullptr},
    {Metric::http_405, "mr_ws_http_requests_total", "status=\"405\"", MetricType::counter, nullptr},
    {Metric::http_406, "mr_ws_http_requests_total", "status=\"406\"", MetricType::counter, nullptr},
    {Metric::http_408, "mr_ws_http_requests_total", "status=\"408\"", MetricType::counter, nullptr},
    {Metric::http_413, "mr_ws_http_requests_total", "status=\"413\"", MetricType::counter, nullptr},
    {Metric::http_415, "mr_ws_http_requests_total", "status=\"415\"", MetricType::counter, nullptr},
    {Metric::http_425, "mr_ws_http_requests_total", "status=\"425\"", MetricType::counter, nullptr},
    {Metric::http_429, "mr_ws_http_requests_total", "status=\"429\"", MetricType::counter, nullptr},
    {Metric::http_499, "mr_ws_http_requests_total", "status=\"499\"", MetricType::counter, nullptr},
    {Metric::http_500, "mr_ws_http_requests_total", "status=\"500\"", MetricType::counter, nullptr},
    {Metric::http_503, "mr_ws_http_requests_total", "status=\"503\"", MetricType::counter, nullptr},
    {Metric::http_504, "mr_ws_http_requests_total", "status=\"504\"", MetricType::counter, nullptr},
    {Metric::http_other, "mr_ws_http_requests_total", "status=\"other\"", MetricType::counter,
     nullptr},
    {Metric::http_streams_completed, "mr_ws_http_streams_ended_total", "reason=\"completed\"",
     MetricType::counter,
     "Streams of events, and spoken answers, that had begun, by what ended them"},
    {Metric::http_streams_aborted, "mr_ws_http_streams_ended_total", "reason=\"aborted\"",
     MetricType::counter, nullptr},
    {Metric::http_streams_drained, "mr_ws_http_streams_ended_total", "reason=\"drained\"",
     MetricType::counter, nullptr},
    {Metric::http_streams_timed_out, "mr_ws_http_streams_ended_total", "reason=\"timeout\"",
     MetricType::counter, nullptr},
    {Metric::http_streams_token, "mr_ws_http_streams_ended_total", "reason=\"token\"",
     MetricType::counter, nullptr},
    {Metric::http_streams_slow, "mr_ws_http_streams_ended_total", "reason=\"slow\"",
     MetricType::counter, nullptr},
    {Metric::http_streams_failed, "mr_ws_http_streams_ended_total", "reason=\"failed\"",
     MetricType::counter, nullptr},
    {Metric::http_events, "mr_ws_http_events_total", "", MetricType::counter,
     "Events written into streams"},
    {Metric::http_bytes_in, "mr_ws_http_bytes_total", "direction=\"in\"", MetricType::counter,
     "Bytes of requests and answers with their headers, inside TLS, counted when a request ends"},
    {Metric::http_bytes_out, "mr_ws_http_bytes_total", "direction=\"out\"", MetricType::counter,
     nullptr},
    {Metric::http_microseconds, "mr_ws_http_request_seconds", "_sum", MetricType::summary,
     "From the first byte of a request to the end of its answer"},
    {Metric::http_requests, "mr_ws_http_request_seconds", "_count", MetricType::summary, nullptr},
    {Metric::redis_links_commands, "mr_ws_redis_links", "link=\"commands\"", MetricType::gauge,
     "Links to Redis there should be"},
    {Metric::redis_links_subscriptions, "mr_ws_redis_links", "link=\"subscriptions\"",
     MetricType::gauge, nullptr},
    {Metric::redis_up_commands, "mr_ws_redis_links_up", "link=\"commands\"", MetricType::gauge,
     "Links to Redis that are ready"},
    {Metric::redis_up_subscriptions, "mr_ws_redis_links_up", "link=\"subscriptions\"",
     MetricType::gauge, nullptr},
    {Metric::redis_reconnects_commands, "mr_ws_redis_reconnects_total", "link=\"commands\"",
     MetricType::counter, "Links that were ready again after a break"},
    {Metric::redis_reconnects_subscriptions, "mr_ws_redis_reconnects_total",
     "link=\"subscriptions\"", MetricType::counter, nullptr},
    {Metric::redis_failures_commands, "mr_ws_redis_failures_total", "link=\"commands\"",
     MetricType::counter, "Links given up and attempts that failed"},
    {Metric::redis_failures_subscriptions, "mr_ws_redis_failures_total", "link=\"subscriptions\"",
     MetricType::counter, nullptr},
    {Metric::redis_commands, "mr_ws_redis_commands_total", "", MetricType::counter,
     "Commands given to Redis"},
    {Metric::redis_in_flight, "mr_ws_redis_commands_in_flight", "", MetricType::gauge,
     "Commands that Redis has not answered yet"},
    {Metric::redis_probe_microseconds, "mr_ws_redis_probe_seconds", "_sum", MetricType::summary,
     "From the publication of a probe to its arrival, the way of every event"},
    {Metric::redis_probes, "mr_ws_redis_probe_seconds", "_count", MetricType::summary, nullptr},
    {Metric::session_log_written, "mr_ws_session_log_lines_total", "outcome=\"written\"",
     MetricType::counter, "Lines of the session log; lost: the file took no more"},
    {Metric::session_log_lost, "mr_ws_session_log_lines_total", "outcome=\"lost\"",
     MetricType::counter, nullptr},
};

constexpr bool in_order() {
    for (size_t i = 0; i < kMetricCount; ++i) {
        if (static_cast<size_t>(kRows[i].id) != i) {
            return false;
        }
    }
    return true;
}
static_assert(in_order(), "the table follows the order of Metric");

} // namespace

MetricLine* metric_line = &nowhere;

std::span<const MetricRow, kMetricCount> metric_rows() noexcept {
    return kRows;
}

Metric metric_of_close(uint16_t code) noexcept {
    switch (code) {
    case 1000:
        return Metric::closed_1000;
    case 1001:
        return Metric::closed_1001;
    case 1002:
        return Metric::closed_1002;
    case 1003:
        return Metric::closed_1003;
    case 1005:
        return Metric::closed_1005;
    case 1006:
        return Metric::closed_1006;
    case 1007:
        return Metric::closed_1007;
    case 1008:
        return Metric::closed_1008;
    case 1009:
        return Metric::closed_1009;
    case 1011:
        return Metric::closed_1011;
    case 1012:
        return Metric::closed_1012;
    case 1013:
        return Metric::closed_1013;
    default:
        return Metric::closed_other;
    }
}

Metric metric_of_status(uint64_t status) noexcept {
    switch (status) {
    case 401:
        return Metric::status_401;
    case 403:
        return Metric::status_403;
    case 405:
        return Metric::status_405;
    case 408:
        return Metric::status_408;
    case 425:
        return Metric::status_425;
    case 426:
        return Metric::status_426;
    case 429:
        return Metric::status_429;
    case 503:
        return Metric::status_503;
    default:
        return Metric::status_400;
    }
}

} // namespace mr
