#include "ngx_mr_ws_module/limit_rules.h"

#include "ngx_mr_ws_module/conf_directive.h"

namespace mr {
namespace {

constexpr size_t kMillion = 1000000;
constexpr size_t kLeastZoneBytes = 256 * kKiB;
constexpr size_t kMostZoneBytes = 1024 * kMiB;

// Directive, field, unit, default, least, most, whether 0 means off, the range in words.
constexpr NumberRule kRules[] = {
    {"mr_ws_max_connections", &LocationConf::max_connections, NumberUnit::count, 0, 1, kMillion,
     true, "a number from 1 to 1000000, or 0 for what worker_connections leaves"},
    {"mr_ws_connection_rate", &LocationConf::connection_rate, NumberUnit::count, 5000, 1, kMillion,
     true, "a number from 1 to 1000000, or 0 for any"},
    {"mr_ws_max_connections_per_address", &LocationConf::max_address_connections, NumberUnit::count,
     0, 1, kMillion, true, "a number from 1 to 1000000, or 0 for any"},
    {"mr_ws_max_connections_per_subject", &LocationConf::max_subject_connections, NumberUnit::count,
     64, 1, kMillion, true, "a number from 1 to 1000000, or 0 for any"},
    {"mr_ws_max_sessions_per_subject", &LocationConf::max_subject_sessions, NumberUnit::count, 32,
     1, kMillion, true, "a number from 1 to 1000000, or 0 for any"},
    {"mr_ws_frame_rate", &LocationConf::frame_rate, NumberUnit::count, 5000, 10, 100000, true,
     "a number from 10 to 100000, or 0 for any"},
    {"mr_ws_byte_rate", &LocationConf::byte_rate, NumberUnit::bytes, 16 * kMiB, 16 * kKiB,
     1024 * kMiB, true, "a size from 16k to 1024m, or 0 for any"},
    {"mr_ws_rate_grace", &LocationConf::rate_grace, NumberUnit::milliseconds, 60 * kSecondMs,
     kSecondMs, kHourMs, true, "a time from 1s to 1h, or 0 to close nobody"},
    {"mr_ws_message_timeout", &LocationConf::message_timeout, NumberUnit::milliseconds,
     30 * kSecondMs, kSecondMs, kHourMs, true, "a time from 1s to 1h, or 0 for any"},
    {"mr_ws_handshake_timeout", &LocationConf::handshake_timeout, NumberUnit::milliseconds,
     10 * kSecondMs, kSecondMs, 60 * kSecondMs, false, "a time from 1s to 60s"},
    {"mr_ws_max_unanswered_pings", &LocationConf::max_unanswered_pings, NumberUnit::count, 3, 1,
     100, true, "a number from 1 to 100, or 0 for any"},
};

} // namespace

std::span<const NumberRule> limit_rules() noexcept {
    return kRules;
}

char* set_zone_size(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    auto& main = *static_cast<MainConf*>(conf);
    if (main.zone_bytes != 0) {
        return conf_duplicate();
    }
    ngx_str_t& text = conf_arguments(cf)[1];
    const ssize_t bytes = ngx_parse_size(&text);
    if (bytes < static_cast<ssize_t>(kLeastZoneBytes) ||
        bytes > static_cast<ssize_t>(kMostZoneBytes)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"mr_ws_zone_size\" is \"%V\"; allowed: a size from 256k to 1024m",
                           &text);
        return conf_failed();
    }
    main.zone_bytes = static_cast<size_t>(bytes);
    return NGX_CONF_OK;
}

} // namespace mr
