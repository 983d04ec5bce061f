// Configuration of the module: the structures nginx keeps per http block and per location, their
// defaults and limits in one table, merging, and the checks `nginx -t` makes. Never touches a
// connection; after start-up everything here is constant.
#pragma once

#include "ngx_mr_ws_module/access_conf.h"
#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/origin.h"
#include "shared/token.h"
#include "shared/ws_frame.h"

#include <cstdint>
#include <string_view>

namespace mr {

struct RedisTarget; // redis_target.h
struct SessionLog;  // session_log.h

// What a session's mail means; the worker implements it.
enum class AppKind : uint8_t { off, chat, echo, bench, tts };

constexpr std::string_view app_name(AppKind app) noexcept {
    switch (app) {
    case AppKind::chat:
        return "chat";
    case AppKind::echo:
        return "echo";
    case AppKind::bench:
        return "bench";
    case AppKind::tts:
        return "tts";
    case AppKind::off:
        break;
    }
    return "off";
}

// What `mr_ws_health` answers for.
enum class HealthKind : uint8_t { off, live, ready };

// One per configuration.
struct MainConf {
    ngx_array_t* targets = nullptr; // RedisTarget*; distinct URLs, in order of their index
    std::string_view secret;        // key of the resume tokens
    bool secret_from_file = false;
    bool in_use = false; // some location has `mr_ws` with an app, `mr_ws_health ready`, or metrics
    size_t zone_bytes = 0; // of shared_zone.h; 0: not set
    ngx_shm_zone_t* zone = nullptr;
};

// Of the configuration that is being read.
inline MainConf& main_conf(ngx_conf_t* cf) noexcept {
    return *static_cast<MainConf*>(ngx_http_conf_get_module_main_conf(cf, ngx_mr_ws_module));
}

// One per http, server and location block.
struct LocationConf {
    ngx_uint_t app = NGX_CONF_UNSET_UINT;    // see kind()
    ngx_uint_t health = NGX_CONF_UNSET_UINT; // see health_kind()
    bool metrics = false;                    // `mr_ws_metrics`
    ngx_uint_t http = NGX_CONF_UNSET_UINT;   // see http_kind()
    RedisTarget* redis = nullptr;            // null: `mr_ws_redis` is not set
    const MainConf* main = nullptr;

    // Set by the rules of number_rules(); nginx's unset value until merged.
    size_t max_frame = NGX_CONF_UNSET_SIZE;           // bytes
    size_t max_message = NGX_CONF_UNSET_SIZE;         // bytes
    size_t max_fragments = NGX_CONF_UNSET_SIZE;       // frames of one message
    size_t send_limit = NGX_CONF_UNSET_SIZE;          // bytes queued for one connection
    ngx_msec_t ping_interval = NGX_CONF_UNSET_MSEC;   // 0: never
    ngx_msec_t idle_timeout = NGX_CONF_UNSET_MSEC;    // nothing at all received
    ngx_msec_t send_timeout = NGX_CONF_UNSET_MSEC;    // nothing at all accepted
    ngx_msec_t violation_grace = NGX_CONF_UNSET_MSEC; // for answers owed; 0: none
    ngx_msec_t drain = NGX_CONF_UNSET_MSEC;           // window in which sessions are closed
    ngx_flag_t deflate = NGX_CONF_UNSET;              // permessage-deflate is agreed to
    size_t deflate_min_size = NGX_CONF_UNSET_SIZE;    // bytes of a message worth compressing
    size_t deflate_level = NGX_CONF_UNSET_SIZE;       // zlib's, 1 to 9
    size_t deflate_window_bits = NGX_CONF_UNSET_SIZE; // of both directions
    size_t deflate_max_ratio = NGX_CONF_UNSET_SIZE;   // inflated per compressed byte; 0: any
    ngx_msec_t jwt_leeway = NGX_CONF_UNSET_MSEC;      // what clocks may be apart
    ngx_msec_t http_timeout = NGX_CONF_UNSET_MSEC;    // for an answer over HTTP
    ngx_flag_t cors = NGX_CONF_UNSET;                 // pages of other origins may read answers
    ngx_flag_t voice = NGX_CONF_UNSET;                // spoken to as well: voice_mail.h
    ngx_uint_t compat = NGX_CONF_UNSET_UINT;          // see strict()

    // Set by the rules of limit_rules.cpp; 0: no limit, but for max_connections.
    size_t max_connections = NGX_CONF_UNSET_SIZE;         // of a process
    size_t connection_rate = NGX_CONF_UNSET_SIZE;         // new ones per second and process
    size_t max_address_connections = NGX_CONF_UNSET_SIZE; // of all processes, as the next two
    size_t max_subject_connections = NGX_CONF_UNSET_SIZE;
    size_t max_subject_sessions = NGX_CONF_UNSET_SIZE;
    size_t frame_rate = NGX_CONF_UNSET_SIZE;            // frames per second of a connection
    size_t byte_rate = NGX_CONF_UNSET_SIZE;             // bytes per second of a connection
    ngx_msec_t rate_grace = NGX_CONF_UNSET_MSEC;        // held back for so long: closed
    ngx_msec_t message_timeout = NGX_CONF_UNSET_MSEC;   // from the first byte to the last
    ngx_msec_t handshake_timeout = NGX_CONF_UNSET_MSEC; // the same, to our answer
    size_t max_unanswered_pings = NGX_CONF_UNSET_SIZE;

    bool session_log_set = false;          // here, `off` included
    SessionLog* session_log = nullptr;     // null: none
    const OriginPolicy* origins = nullptr; // null: inherited
    FrameLimits deflate_limits;            // the next one, where deflate was agreed upon
    FrameLimits limits;                    // made of the above when merging
    AccessConf access;
    ngx_str_t app_file{}; // where the content handler was asked for, for messages
    ngx_uint_t app_line = 0;

    AppKind kind() const noexcept { return static_cast<AppKind>(app); }
    AppKind http_kind() const noexcept { return static_cast<AppKind>(http); }
    HealthKind health_kind() const noexcept { return static_cast<HealthKind>(health); }
    bool strict() const noexcept { return compat != 0; }
};

// A directive that takes one number. The only place of its default and its limits.
enum class NumberUnit : uint8_t { bytes, milliseconds, count };

struct NumberRule {
    std::string_view directive;
    size_t LocationConf::* field;
    NumberUnit unit;
    size_t fallback; // the default
    size_t least;
    size_t most;
    bool zero_is_off; // 0 is allowed below `least`
    const char* range;
};

// Directive handlers, for the table in module.cpp.
char* set_redis(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_origin(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_secret_file(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_compat(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_number(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;

// The configuration half of nginx's http module context.
void* create_main_conf(ngx_conf_t* cf) noexcept;
char* init_main_conf(ngx_conf_t* cf, void* conf) noexcept;
void* create_location_conf(ngx_conf_t* cf) noexcept;
char* merge_location_conf(ngx_conf_t* cf, void* parent, void* child) noexcept;

} // namespace mr
