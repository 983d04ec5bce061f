#include "ngx_mr_ws_module/limits.h"

#include "ngx_mr_ws_module/follower.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/name_ledger.h"
#include "ngx_mr_ws_module/session.h"

namespace mr {
namespace {

constexpr uint64_t kSecondUs = 1000000;
constexpr size_t kIpv6NetworkBytes = 8; // a client has its whole /64

// Of this process.
struct Process {
    size_t connections;
    uint64_t rate_until_us; // when the bucket of new connections is full again
    ngx_msec_t reaped_at;
    ngx_msec_t complained_at;
    uint32_t complaints_left_out;
};
Process process;

Refusal refuse(Metric limit, ngx_uint_t status, std::string_view reason,
               std::string_view retry_after_s) {
    metric_add(limit);
    return {status, reason, {}, "Retry-After", retry_after_s, true};
}

// Without an own number a sixteenth of worker_connections is kept for plain requests, for the links
// to Redis, and for telling a client that there is no room.
bool process_is_full(const LocationConf& conf) {
    return conf.max_connections != 0 ? process.connections >= conf.max_connections
                                     : ngx_cycle->free_connection_n < ngx_cycle->connection_n / 16;
}

bool too_fast(size_t rate) {
    if (rate == 0) {
        return false;
    }
    const uint64_t now_us = ngx_current_msec * 1000;
    const uint64_t from_us = process.rate_until_us > now_us ? process.rate_until_us : now_us;
    const uint64_t until_us = from_us + kSecondUs / rate;
    if (until_us - now_us > kSecondUs) {
        return true; // one that is refused costs nothing of the bucket
    }
    process.rate_until_us = until_us;
    return false;
}

// The bytes by which an address is counted: IPv4 whole, IPv6 by its /64. Empty: a unix socket.
std::string_view address_of(const sockaddr* address) {
    if (address->sa_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
        return {reinterpret_cast<const char*>(&v4->sin_addr), sizeof(v4->sin_addr)};
    }
    if (address->sa_family == AF_INET6) {
        const auto* bytes = reinterpret_cast<const char*>(
            reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr.s6_addr);
        if (IN6_IS_ADDR_V4MAPPED(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr)) {
            return {bytes + 12, 4};
        }
        return {bytes, kIpv6NetworkBytes};
    }
    return {};
}

void complain_of_zone(ngx_log_t* log) {
    metric_add(Metric::zone_full);
    if (process.complained_at != 0 && ngx_current_msec - process.complained_at < kZoneComplaintMs) {
        ++process.complaints_left_out;
        return;
    }
    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "mr_ws: the shared zone is full: a connection is let in without being counted, "
                  "set mr_ws_zone_size (%uD like it left out)",
                  process.complaints_left_out);
    process.complained_at = ngx_current_msec != 0 ? ngx_current_msec : 1;
    process.complaints_left_out = 0;
}

// True if something may have been taken back.
bool reap() {
    if (process.reaped_at != 0 && ngx_current_msec - process.reaped_at < kReapEveryMs) {
        return false;
    }
    process.reaped_at = ngx_current_msec != 0 ? ngx_current_msec : 1;
    zone_reap();
    return true;
}

// False: over the limit. A full zone counts nobody, and refuses nobody.
bool take(NameKind kind, std::string_view name, NameShare* parent, size_t limit, NameShare*& share,
          ngx_log_t* log) {
    if (limit == 0 || name.empty()) {
        return true;
    }
    const auto most = static_cast<uint32_t>(limit);
    NameOutcome outcome = names_take(kind, name, parent, most, share);
    if (outcome == NameOutcome::over_limit && reap()) {
        outcome = names_take(kind, name, parent, most, share);
    }
    if (outcome == NameOutcome::zone_full) {
        complain_of_zone(log);
    }
    return outcome != NameOutcome::over_limit;
}

// The limit of sessions needs the subject counted, also where its connections are not limited.
size_t subject_limit(const LocationConf& conf) {
    if (conf.max_subject_connections != 0) {
        return conf.max_subject_connections;
    }
    return conf.max_subject_sessions != 0 ? UINT32_MAX : 0;
}

bool session_fits(const LocationConf& conf, const NameShare* subject, std::string_view session) {
    if (conf.max_subject_sessions == 0 || subject == nullptr) {
        return true;
    }
    const auto limit = static_cast<uint32_t>(conf.max_subject_sessions);
    return names_session_fits(*subject, session, limit) ||
           (reap() && names_session_fits(*subject, session, limit));
}

} // namespace

Refusal judge_handshake_time(const ngx_http_request_t* r, const LocationConf& conf) noexcept {
    const ngx_time_t* now = ngx_timeofday();
    const auto taken_ms = static_cast<ngx_msec_int_t>(
        (now->sec - r->start_sec) * 1000 +
        (static_cast<ngx_msec_int_t>(now->msec) - static_cast<ngx_msec_int_t>(r->start_msec)));
    if (taken_ms <= static_cast<ngx_msec_int_t>(conf.handshake_timeout)) {
        return {};
    }
    metric_add(Metric::limit_handshake_timeout);
    return {NGX_HTTP_REQUEST_TIME_OUT, "The handshake took too long.", {}, {}, {}};
}

Refusal limits_admit(const ngx_http_request_t* r, const Follower& follower,
                     std::string_view session, LimitHolds& holds) noexcept {
    const LocationConf& conf = *follower.conf;
    ngx_log_t* log = r->connection->log;
    if (process_is_full(conf)) {
        return refuse(Metric::limit_process_connections, NGX_HTTP_SERVICE_UNAVAILABLE,
                      "This server has as many connections as it takes.", "5");
    }
    if (!take(NameKind::address, address_of(r->connection->sockaddr), nullptr,
              conf.max_address_connections, holds.address, log)) {
        return refuse(Metric::limit_address_connections, NGX_HTTP_TOO_MANY_REQUESTS,
                      "Too many connections from your address.", "5");
    }
    if (!take(NameKind::subject, follower.subject(), nullptr, subject_limit(conf), holds.subject,
              log)) {
        return refuse(Metric::limit_subject_connections, NGX_HTTP_TOO_MANY_REQUESTS,
                      "You have too many connections.", "5");
    }
    if (!session_fits(conf, holds.subject, session)) {
        return refuse(Metric::limit_subject_sessions, NGX_HTTP_TOO_MANY_REQUESTS,
                      "You have too many sessions open.", "5");
    }
    if (too_fast(conf.connection_rate)) {
        return refuse(Metric::limit_connection_rate, NGX_HTTP_SERVICE_UNAVAILABLE,
                      "Too many new connections just now.", "1");
    }
    holds.counted = true;
    ++process.connections;
    return {};
}

bool limits_take_session(const Follower& follower, LimitHolds& holds) noexcept {
    const Session* session = follower.relay.session;
    if (holds.subject == nullptr || session == nullptr) {
        return true;
    }
    const bool taken = take(NameKind::session, session->id_view(), holds.subject,
                            follower.conf->max_subject_sessions, holds.session, follower.log());
    if (!taken) {
        metric_add(Metric::limit_subject_sessions);
    }
    return taken;
}

void limits_release(LimitHolds& holds) noexcept {
    names_release(holds.session);
    names_release(holds.subject);
    names_release(holds.address);
    if (holds.counted) {
        holds.counted = false;
        --process.connections;
    }
}

} // namespace mr
