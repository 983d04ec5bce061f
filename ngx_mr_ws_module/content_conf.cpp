#include "ngx_mr_ws_module/content_conf.h"

#include "ngx_mr_ws_module/conf_directive.h"
#include "ngx_mr_ws_module/health.h"
#include "ngx_mr_ws_module/http_chat.h"
#include "ngx_mr_ws_module/metrics_page.h"
#include "ngx_mr_ws_module/settings.h"
#include "ngx_mr_ws_module/upgrade.h"

namespace mr {
namespace {

// A location has one content handler; notes where it was asked for.
bool set_handler(ngx_conf_t* cf, LocationConf& location, ngx_http_handler_pt handler) {
    auto* core = static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    const auto is_set = [](ngx_uint_t value) { return value != NGX_CONF_UNSET_UINT && value != 0; };
    if (is_set(location.app) + is_set(location.http) + is_set(location.health) + location.metrics >
        1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"mr_ws\", \"mr_ws_http\", \"mr_ws_health\" and \"mr_ws_metrics\" do "
                           "not go together in one location");
        return false;
    }
    core->handler = handler;
    return true;
}

} // namespace

char* set_app(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    auto& location = *static_cast<LocationConf*>(conf);
    if (location.app != NGX_CONF_UNSET_UINT) {
        return conf_duplicate();
    }
    for (const AppKind app : {AppKind::off, AppKind::chat, AppKind::echo, AppKind::bench}) {
        if (to_view(conf_arguments(cf)[1]) == app_name(app)) {
            location.app = static_cast<ngx_uint_t>(app);
        }
    }
    if (location.app == NGX_CONF_UNSET_UINT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"mr_ws\" is \"%V\"; allowed: chat, echo, bench, off",
                           &conf_arguments(cf)[1]);
        return conf_failed();
    }
    if (location.kind() == AppKind::off) {
        return NGX_CONF_OK;
    }
    location.app_file = cf->conf_file->file.name;
    location.app_line = cf->conf_file->line;
    main_conf(cf).in_use = true;
    return set_handler(cf, location, upgrade_handler) ? NGX_CONF_OK : conf_failed();
}

char* set_health(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    auto& location = *static_cast<LocationConf*>(conf);
    if (location.health != NGX_CONF_UNSET_UINT) {
        return conf_duplicate();
    }
    const std::string_view what = to_view(conf_arguments(cf)[1]);
    if (what != "live" && what != "ready") {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"mr_ws_health\" is \"%V\"; allowed: live, ready",
                           &conf_arguments(cf)[1]);
        return conf_failed();
    }
    location.health =
        static_cast<ngx_uint_t>(what == "live" ? HealthKind::live : HealthKind::ready);
    location.app_file = cf->conf_file->file.name;
    location.app_line = cf->conf_file->line;
    main_conf(cf).in_use = main_conf(cf).in_use || location.health_kind() == HealthKind::ready;
    return set_handler(cf, location, health_handler) ? NGX_CONF_OK : conf_failed();
}

char* set_metrics(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    auto& location = *static_cast<LocationConf*>(conf);
    if (location.metrics) {
        return conf_duplicate();
    }
    location.metrics = true;
    main_conf(cf).in_use = true;
    return set_handler(cf, location, metrics_handler) ? NGX_CONF_OK : conf_failed();
}

char* set_http(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    auto& location = *static_cast<LocationConf*>(conf);
    if (location.http != NGX_CONF_UNSET_UINT) {
        return conf_duplicate();
    }
    for (const AppKind app : {AppKind::off, AppKind::chat, AppKind::bench, AppKind::tts}) {
        if (to_view(conf_arguments(cf)[1]) == app_name(app)) {
            location.http = static_cast<ngx_uint_t>(app);
        }
    }
    if (location.http == NGX_CONF_UNSET_UINT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"mr_ws_http\" is \"%V\"; allowed: chat, tts, bench, off",
                           &conf_arguments(cf)[1]);
        return conf_failed();
    }
    if (location.http_kind() == AppKind::off) {
        return NGX_CONF_OK;
    }
    location.app_file = cf->conf_file->file.name;
    location.app_line = cf->conf_file->line;
    main_conf(cf).in_use = true;
    return set_handler(cf, location, http_chat_handler) ? NGX_CONF_OK : conf_failed();
}

} // namespace mr
