// What nginx sees: the directives, the module's life cycle, the module object. Every directive is
// listed here; defaults and limits of the numbers are in settings.cpp.
#include "ngx_mr_ws_module/connection.h"
#include "ngx_mr_ws_module/content_conf.h"
#include "ngx_mr_ws_module/http_chat_end.h"
#include "ngx_mr_ws_module/http_refusal.h"
#include "ngx_mr_ws_module/limit_rules.h"
#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/relay.h"
#include "ngx_mr_ws_module/session_log.h"
#include "ngx_mr_ws_module/settings.h"
#include "ngx_mr_ws_module/shared_zone.h"
#include "ngx_mr_ws_module/sweep.h"

namespace mr {
namespace {

constexpr ngx_uint_t kEverywhere = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;

constexpr ngx_command_t number(ngx_str_t name) {
    return {name, kEverywhere | NGX_CONF_TAKE1, set_number, NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr};
}

ngx_command_t commands[] = {
    // mr_ws chat | echo | off;
    {ngx_string("mr_ws"), NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, set_app, NGX_HTTP_LOC_CONF_OFFSET, 0,
     nullptr},
    // mr_ws_health live | ready;
    {ngx_string("mr_ws_health"), NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, set_health,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    // mr_ws_metrics;
    {ngx_string("mr_ws_metrics"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS, set_metrics,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    // mr_ws_session_log path | off;
    {ngx_string("mr_ws_session_log"), kEverywhere | NGX_CONF_TAKE1, set_session_log,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    // mr_ws_zone_size size;
    {ngx_string("mr_ws_zone_size"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, set_zone_size,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    // mr_ws_http chat | tts | bench | off;
    {ngx_string("mr_ws_http"), NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, set_http,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    // mr_ws_redis redis://… | rediss://… | unix:…;
    {ngx_string("mr_ws_redis"), kEverywhere | NGX_CONF_TAKE1, set_redis, NGX_HTTP_LOC_CONF_OFFSET,
     0, nullptr},
    // mr_ws_secret_file path;
    {ngx_string("mr_ws_secret_file"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, set_secret_file,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    // mr_ws_origin same | any | origin …;
    {ngx_string("mr_ws_origin"), kEverywhere | NGX_CONF_1MORE, set_origin, NGX_HTTP_LOC_CONF_OFFSET,
     0, nullptr},
    // mr_ws_compat lenient | strict;
    {ngx_string("mr_ws_compat"), kEverywhere | NGX_CONF_TAKE1, set_compat, NGX_HTTP_LOC_CONF_OFFSET,
     0, nullptr},

    // mr_ws_cors on | off;
    {ngx_string("mr_ws_cors"), kEverywhere | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationConf, cors), nullptr},

    // mr_ws_voice on | off;
    {ngx_string("mr_ws_voice"), kEverywhere | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationConf, voice), nullptr},

    // mr_ws_deflate on | off;
    {ngx_string("mr_ws_deflate"), kEverywhere | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationConf, deflate), nullptr},

    // mr_ws_jwt_key_file path HS256 | RS256 | ES256;
    {ngx_string("mr_ws_jwt_key_file"), kEverywhere | NGX_CONF_TAKE2, set_jwt_key_file,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    // mr_ws_jwt_jwks_file path;
    {ngx_string("mr_ws_jwt_jwks_file"), kEverywhere | NGX_CONF_TAKE1, set_jwt_jwks_file,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    // mr_ws_jwt_issuer text;
    {ngx_string("mr_ws_jwt_issuer"), kEverywhere | NGX_CONF_TAKE1, set_jwt_issuer,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    // mr_ws_jwt_audience text …;
    {ngx_string("mr_ws_jwt_audience"), kEverywhere | NGX_CONF_1MORE, set_jwt_audience,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    // mr_ws_jwt_cookie name;
    {ngx_string("mr_ws_jwt_cookie"), kEverywhere | NGX_CONF_TAKE1, set_jwt_cookie,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    // mr_ws_jwt_required on | off;
    {ngx_string("mr_ws_jwt_required"), kEverywhere | NGX_CONF_TAKE1, set_jwt_required,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    // mr_ws_subject text with a variable;
    {ngx_string("mr_ws_subject"), kEverywhere | NGX_CONF_TAKE1, set_subject,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},

    number(ngx_string("mr_ws_max_frame")),
    number(ngx_string("mr_ws_max_message")),
    number(ngx_string("mr_ws_max_fragments")),
    number(ngx_string("mr_ws_ping_interval")),
    number(ngx_string("mr_ws_idle_timeout")),
    number(ngx_string("mr_ws_send_limit")),
    number(ngx_string("mr_ws_send_timeout")),
    number(ngx_string("mr_ws_violation_grace")),
    number(ngx_string("mr_ws_deflate_min_size")),
    number(ngx_string("mr_ws_deflate_level")),
    number(ngx_string("mr_ws_deflate_window_bits")),
    number(ngx_string("mr_ws_deflate_max_ratio")),
    number(ngx_string("mr_ws_drain")),
    number(ngx_string("mr_ws_jwt_leeway")),
    number(ngx_string("mr_ws_max_connections")),
    number(ngx_string("mr_ws_connection_rate")),
    number(ngx_string("mr_ws_max_connections_per_address")),
    number(ngx_string("mr_ws_max_connections_per_subject")),
    number(ngx_string("mr_ws_max_sessions_per_subject")),
    number(ngx_string("mr_ws_frame_rate")),
    number(ngx_string("mr_ws_byte_rate")),
    number(ngx_string("mr_ws_rate_grace")),
    number(ngx_string("mr_ws_message_timeout")),
    number(ngx_string("mr_ws_handshake_timeout")),
    number(ngx_string("mr_ws_max_unanswered_pings")),
    number(ngx_string("mr_ws_http_timeout")),

    ngx_null_command,
};

ngx_http_module_t context = {
    nullptr, // preconfiguration
    http_refusal_init,

    create_main_conf,
    init_main_conf,

    nullptr, // create server configuration
    nullptr, // merge server configuration

    create_location_conf,
    merge_location_conf,
};

// nginx's signature of a dynamic module does not cover the layout of its structures, and a Debian
// patch has moved bit fields of ngx_connection_t: a module built against other headers loads,
// works, and silently loses its graceful shutdown. So nginx itself sets a flag, and we look where
// it landed.
bool layout_matches(ngx_cycle_t* cycle) {
    static ngx_connection_t probe;
    ngx_memzero(&probe, sizeof(probe));
    probe.log = cycle->log;
    volatile ngx_cycle_t* const current = ngx_cycle;
    ngx_cycle = cycle; // the function works on the current cycle, which is not yet this one
    ngx_reusable_connection(&probe, 1);
    const bool fits =
        probe.reusable == 1 && probe.idle == 0 && probe.close == 0 && probe.shared == 0;
    ngx_reusable_connection(&probe, 0);
    ngx_cycle = current;
    return fits;
}

ngx_int_t init_module(ngx_cycle_t* cycle) noexcept {
    if (layout_matches(cycle)) {
        return NGX_OK;
    }
    ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                  "mr_ws: this module was built against headers of another nginx: rebuild it with "
                  "the nginx-dev package of the installed version");
    return NGX_ERROR;
}

MainConf* conf_in_use(ngx_cycle_t* cycle) {
    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE) {
        return nullptr; // helpers of the cache serve nobody
    }
    auto* conf =
        static_cast<MainConf*>(ngx_http_cycle_get_module_main_conf(cycle, ngx_mr_ws_module));
    return conf != nullptr && conf->in_use ? conf : nullptr;
}

ngx_int_t init_process(ngx_cycle_t* cycle) noexcept {
    MainConf* conf = conf_in_use(cycle);
    if (conf == nullptr) {
        return NGX_OK;
    }
    zone_attach(cycle, *conf);
    connections_init(cycle->log);
    sweep_init(cycle->log);
    return relay_init_process(cycle, *conf) ? NGX_OK : NGX_ERROR;
}

void exit_process(ngx_cycle_t* cycle) noexcept {
    if (conf_in_use(cycle) != nullptr) {
        connections_exit();
        http_chats_exit();
        relay_exit_process(cycle);
        session_log_exit(cycle);
        zone_detach();
    }
}

} // namespace
} // namespace mr

extern "C" {

ngx_module_t ngx_mr_ws_module = {
    NGX_MODULE_V1,
    &mr::context,
    mr::commands,
    NGX_HTTP_MODULE,
    nullptr,          // init master
    mr::init_module,  // init module
    mr::init_process, // init process
    nullptr,          // init thread
    nullptr,          // exit thread
    mr::exit_process, // exit process
    nullptr,          // exit master
    NGX_MODULE_V1_PADDING,
};
}
