#include "ngx_mr_ws_module/settings.h"

#include "ngx_mr_ws_module/conf_directive.h"
#include "ngx_mr_ws_module/limit_rules.h"
#include "ngx_mr_ws_module/redis_target.h"
#include "ngx_mr_ws_module/secret.h"
#include "ngx_mr_ws_module/shared_zone.h"

namespace mr {
namespace {

constexpr ngx_str_t kNothing = ngx_null_string;

// Directive, field, unit, default, least, most, whether 0 means off, the range in words.
constexpr NumberRule kNumberRules[] = {
    {"mr_ws_max_frame", &LocationConf::max_frame, NumberUnit::bytes, 64 * kKiB, 125, 64 * kMiB,
     false, "a size from 125 bytes to 64m"},
    {"mr_ws_max_message", &LocationConf::max_message, NumberUnit::bytes, kMiB, 125, 64 * kMiB,
     false, "a size from 125 bytes to 64m"},
    {"mr_ws_max_fragments", &LocationConf::max_fragments, NumberUnit::count, 1024, 1, 1000000,
     false, "a number from 1 to 1000000"},
    {"mr_ws_ping_interval", &LocationConf::ping_interval, NumberUnit::milliseconds, 25 * kSecondMs,
     kSecondMs, kHourMs, true, "a time from 1s to 1h, or 0 for no pings"},
    {"mr_ws_idle_timeout", &LocationConf::idle_timeout, NumberUnit::milliseconds, 75 * kSecondMs,
     2 * kSecondMs, 24 * kHourMs, false, "a time from 2s to 24h"},
    {"mr_ws_send_limit", &LocationConf::send_limit, NumberUnit::bytes, 256 * kKiB, 4 * kKiB,
     64 * kMiB, false, "a size from 4k to 64m"},
    {"mr_ws_send_timeout", &LocationConf::send_timeout, NumberUnit::milliseconds, 60 * kSecondMs,
     kSecondMs, kHourMs, false, "a time from 1s to 1h"},
    {"mr_ws_violation_grace", &LocationConf::violation_grace, NumberUnit::milliseconds, 0, 1,
     10 * kSecondMs, true, "a time from 1ms to 10s, or 0 to close at once"},
    {"mr_ws_deflate_min_size", &LocationConf::deflate_min_size, NumberUnit::bytes, kKiB, 1, kMiB,
     false, "a size from 1 byte to 1m"},
    {"mr_ws_deflate_level", &LocationConf::deflate_level, NumberUnit::count, 1, 1, 9, false,
     "a number from 1 to 9"},
    {"mr_ws_deflate_window_bits", &LocationConf::deflate_window_bits, NumberUnit::count, 15, 9, 15,
     false, "a number from 9 to 15"},
    {"mr_ws_deflate_max_ratio", &LocationConf::deflate_max_ratio, NumberUnit::count, 100, 2, 10000,
     true, "a number from 2 to 10000, or 0 for any"},
    {"mr_ws_drain", &LocationConf::drain, NumberUnit::milliseconds, 10 * kSecondMs, 1, kHourMs,
     true, "a time from 1ms to 1h, or 0 to close all sessions at once"},
    {"mr_ws_jwt_leeway", &LocationConf::jwt_leeway, NumberUnit::milliseconds, 30 * kSecondMs,
     kSecondMs, 300 * kSecondMs, true, "a time from 1s to 5m, or 0"},
    {"mr_ws_http_timeout", &LocationConf::http_timeout, NumberUnit::milliseconds, 300 * kSecondMs,
     kSecondMs, kHourMs, false, "a time from 1s to 1h"},
};

const NumberRule* find_rule(std::string_view directive) {
    for (const NumberRule& rule : kNumberRules) {
        if (rule.directive == directive) {
            return &rule;
        }
    }
    for (const NumberRule& rule : limit_rules()) {
        if (rule.directive == directive) {
            return &rule;
        }
    }
    return nullptr;
}

// NGX_ERROR for what is no number of that unit.
ngx_int_t parse_number(ngx_str_t& text, NumberUnit unit) {
    switch (unit) {
    case NumberUnit::bytes:
        return ngx_parse_size(&text);
    case NumberUnit::milliseconds:
        return ngx_parse_time(&text, 0);
    case NumberUnit::count:
        return ngx_atoi(text.data, text.len);
    }
    return NGX_ERROR;
}

RedisTarget* find_target(const MainConf& main, std::string_view text) {
    auto* const* targets = static_cast<RedisTarget**>(main.targets->elts);
    for (ngx_uint_t i = 0; i < main.targets->nelts; ++i) {
        if (to_view(targets[i]->text) == text) {
            return targets[i];
        }
    }
    return nullptr;
}

void complain_of_origin(ngx_conf_t* cf, const ngx_str_t& text, const char* problem) {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"mr_ws_origin\" is \"%V\": %s; allowed: same, any, or a list such as "
                       "https://app.example.com *.example.org",
                       &text, problem);
}

template <typename Value> void inherit(Value& child, Value parent, Value unset, Value fallback) {
    if (child == unset) {
        child = parent == unset ? fallback : parent;
    }
}

bool check_merged(ngx_conf_t* cf, const LocationConf& conf) {
    const bool serves = conf.kind() != AppKind::off;
    if (serves && conf.ping_interval >= conf.idle_timeout) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"mr_ws_idle_timeout\" (%M ms) has to be longer than "
                      "\"mr_ws_ping_interval\" (%M ms), for \"mr_ws\" in %V:%ui",
                      conf.idle_timeout, conf.ping_interval, &conf.app_file, conf.app_line);
        return false;
    }
    const bool asks = conf.http_kind() != AppKind::off;
    if (conf.redis == nullptr && (serves || asks || conf.health_kind() == HealthKind::ready)) {
        const ngx_str_t app = to_ngx(app_name(serves ? conf.kind() : conf.http_kind()));
        const char* name = serves ? "mr_ws " : asks ? "mr_ws_http " : "mr_ws_health ready";
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s%V\" in %V:%ui needs a Redis: add \"mr_ws_redis "
                      "redis://127.0.0.1:6379;\" (or your URL) to this location, its server or "
                      "the http block",
                      name, serves || asks ? &app : &kNothing, &conf.app_file, conf.app_line);
        return false;
    }
    return true;
}

} // namespace

char* set_number(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept {
    const NumberRule* rule = find_rule(to_view(command->name));
    size_t& field = static_cast<LocationConf*>(conf)->*(rule->field);
    if (field != NGX_CONF_UNSET_SIZE) {
        return conf_duplicate();
    }
    ngx_str_t& text = conf_arguments(cf)[1];
    const ngx_int_t number = parse_number(text, rule->unit);
    const auto value = static_cast<size_t>(number);
    const bool off = rule->zero_is_off && value == 0;
    if (number == NGX_ERROR || (!off && (value < rule->least || value > rule->most))) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is \"%V\"; allowed: %s", &command->name,
                           &text, rule->range);
        return conf_failed();
    }
    field = value;
    return NGX_CONF_OK;
}

char* set_compat(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    auto& location = *static_cast<LocationConf*>(conf);
    if (location.compat != NGX_CONF_UNSET_UINT) {
        return conf_duplicate();
    }
    const std::string_view mode = to_view(conf_arguments(cf)[1]);
    if (mode != "lenient" && mode != "strict") {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"mr_ws_compat\" is \"%V\"; allowed: lenient, strict",
                           &conf_arguments(cf)[1]);
        return conf_failed();
    }
    location.compat = mode == "strict" ? 1 : 0;
    return NGX_CONF_OK;
}

char* set_redis(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    auto& location = *static_cast<LocationConf*>(conf);
    if (location.redis != nullptr) {
        return conf_duplicate();
    }
    MainConf& main = main_conf(cf);
    const ngx_str_t text = conf_arguments(cf)[1];
    location.redis = find_target(main, to_view(text));
    if (location.redis != nullptr) {
        return NGX_CONF_OK;
    }
    location.redis =
        redis_target_create(cf, text, static_cast<uint32_t>(main.targets->nelts)); // logs
    auto* slot = static_cast<RedisTarget**>(ngx_array_push(main.targets));
    if (location.redis == nullptr || slot == nullptr) {
        return conf_failed();
    }
    *slot = location.redis;
    return NGX_CONF_OK;
}

char* set_origin(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    auto& location = *static_cast<LocationConf*>(conf);
    if (location.origins != nullptr) {
        return conf_duplicate();
    }
    const ngx_uint_t count = cf->args->nelts - 1;
    auto* policy = pool_make<OriginPolicy>(cf->pool);
    auto* patterns =
        static_cast<OriginPattern*>(ngx_palloc(cf->pool, count * sizeof(OriginPattern)));
    if (policy == nullptr || patterns == nullptr) {
        return conf_failed();
    }
    policy->patterns = patterns;
    for (ngx_uint_t i = 1; i <= count; ++i) {
        const ngx_str_t& text = conf_arguments(cf)[i];
        if (to_view(text) == "same") {
            policy->same = true;
        } else if (to_view(text) == "any") {
            policy->any = true;
        } else {
            const char* problem =
                policy->count == kMaxOriginPatterns
                    ? "is one origin too many"
                    : parse_origin_pattern(to_view(text), patterns[policy->count]);
            if (problem != nullptr) {
                complain_of_origin(cf, text, problem);
                return conf_failed();
            }
            ++policy->count;
        }
    }
    if (policy->any && count > 1) {
        complain_of_origin(cf, conf_arguments(cf)[1], "\"any\" stands alone");
        return conf_failed();
    }
    location.origins = policy;
    return NGX_CONF_OK;
}

char* set_secret_file(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    auto& main = *static_cast<MainConf*>(conf);
    if (main.secret_from_file) {
        return conf_duplicate();
    }
    main.secret_from_file = read_secret_file(cf, conf_arguments(cf)[1], main.secret); // logs
    return main.secret_from_file ? NGX_CONF_OK : conf_failed();
}

void* create_main_conf(ngx_conf_t* cf) noexcept {
    auto* conf = pool_make<MainConf>(cf->pool);
    if (conf != nullptr) {
        conf->targets = ngx_array_create(cf->pool, 2, sizeof(RedisTarget*));
    }
    return conf != nullptr && conf->targets != nullptr ? conf : nullptr;
}

char* init_main_conf(ngx_conf_t* cf, void* conf) noexcept {
    auto& main = *static_cast<MainConf*>(conf);
    if (main.zone_bytes == 0) {
        main.zone_bytes = kZoneBytes;
    }
    if (main.in_use && !zone_declare(cf, main)) {
        return conf_failed();
    }
    if (!main.in_use || main.secret_from_file) {
        return NGX_CONF_OK;
    }
    if (!random_secret(main.secret)) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "no random bytes for the key of resume tokens");
        return conf_failed();
    }
    return NGX_CONF_OK;
}

void* create_location_conf(ngx_conf_t* cf) noexcept {
    return pool_make<LocationConf>(cf->pool);
}

char* merge_location_conf(ngx_conf_t* cf, void* parent, void* child) noexcept {
    static constexpr OriginPolicy kSameOrigin = {false, true, 0, nullptr};
    const auto& outer = *static_cast<const LocationConf*>(parent);
    auto& conf = *static_cast<LocationConf*>(child);

    for (const NumberRule& rule : kNumberRules) {
        inherit(conf.*(rule.field), outer.*(rule.field), NGX_CONF_UNSET_SIZE, rule.fallback);
    }
    for (const NumberRule& rule : limit_rules()) {
        inherit(conf.*(rule.field), outer.*(rule.field), NGX_CONF_UNSET_SIZE, rule.fallback);
    }
    inherit(conf.deflate, outer.deflate, ngx_flag_t{NGX_CONF_UNSET}, ngx_flag_t{0});
    inherit(conf.cors, outer.cors, ngx_flag_t{NGX_CONF_UNSET}, ngx_flag_t{0});
    inherit(conf.voice, outer.voice, ngx_flag_t{NGX_CONF_UNSET}, ngx_flag_t{0});
    inherit(conf.compat, outer.compat, NGX_CONF_UNSET_UINT, ngx_uint_t{0});
    inherit(conf.redis, outer.redis, static_cast<RedisTarget*>(nullptr),
            static_cast<RedisTarget*>(nullptr));
    inherit(conf.origins, outer.origins, static_cast<const OriginPolicy*>(nullptr), &kSameOrigin);
    conf.session_log = conf.session_log_set ? conf.session_log : outer.session_log;
    conf.main = &main_conf(cf);
    conf.access.leeway_s = conf.jwt_leeway / kSecondMs;
    conf.limits.max_frame_bytes = conf.max_frame;
    conf.limits.max_message_bytes = conf.max_message;
    conf.limits.max_fragments = static_cast<uint32_t>(conf.max_fragments);
    conf.deflate_limits = conf.limits;
    conf.deflate_limits.rsv1_allowed = true;

    // A content handler is not inherited, except into `if` and `limit_except` blocks.
    const auto* core = static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    const bool part_of_location = core->noname;
    if (conf.app_line == 0 && part_of_location) {
        conf.app_file = outer.app_file;
        conf.app_line = outer.app_line;
    }
    const ngx_uint_t nothing = NGX_CONF_UNSET_UINT;
    inherit(conf.app, part_of_location ? outer.app : nothing, nothing, ngx_uint_t{0});
    inherit(conf.health, part_of_location ? outer.health : nothing, nothing, ngx_uint_t{0});
    inherit(conf.http, part_of_location ? outer.http : nothing, nothing, ngx_uint_t{0});
    const bool serves = conf.kind() != AppKind::off || conf.http_kind() != AppKind::off;
    return check_merged(cf, conf) &&
                   merge_access(cf, outer.access, conf.access, serves, conf.app_file, conf.app_line)
               ? NGX_CONF_OK
               : conf_failed();
}

} // namespace mr
