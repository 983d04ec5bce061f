#include "ngx_mr_ws_module/access_conf.h"

#include "ngx_mr_ws_module/conf_directive.h"
#include "ngx_mr_ws_module/config_file.h"
#include "ngx_mr_ws_module/settings.h"
#include "shared/ws_handshake.h"

#include <new>

namespace mr {
namespace {

AccessConf& access_of(void* conf) {
    return static_cast<LocationConf*>(conf)->access;
}

void discard_keys(void* data) noexcept {
    static_cast<JwtKeys*>(data)->~JwtKeys();
}

// The keys of this block; they live as long as the configuration.
JwtKeys* own_keys(ngx_conf_t* cf, AccessConf& access) {
    if (access.own_keys == nullptr) {
        ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(cf->pool, sizeof(JwtKeys));
        if (cleanup == nullptr) {
            return nullptr;
        }
        access.own_keys = new (cleanup->data) JwtKeys;
        access.keys = access.own_keys;
        cleanup->handler = discard_keys;
    }
    return access.own_keys;
}

// Reads the file named by the first argument.
bool read_key_file(ngx_conf_t* cf, const ngx_command_t* command, std::string_view& contents) {
    ngx_str_t& path = conf_arguments(cf)[1];
    if (!read_config_file(cf, to_view(command->name), path, kMaxKeyFileBytes, contents)) {
        return false;
    }
    if (contents.size() > kMaxKeyFileBytes) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is \"%V\", which has more than %uz bytes",
                           &command->name, &path, kMaxKeyFileBytes);
        return false;
    }
    return true;
}

char* answer(ngx_conf_t* cf, const ngx_command_t* command, const char* problem) {
    if (problem == nullptr) {
        return NGX_CONF_OK;
    }
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is \"%V\": %s", &command->name,
                       &conf_arguments(cf)[1], problem);
    return conf_failed();
}

char* set_text(ngx_conf_t* cf, const ngx_command_t* command, ngx_str_t& field) {
    if (field.data != nullptr) {
        return conf_duplicate();
    }
    field = conf_arguments(cf)[1];
    return answer(cf, command, field.len == 0 ? "it is empty" : nullptr);
}

void inherit_text(ngx_str_t& child, const ngx_str_t& parent) {
    if (child.data == nullptr) {
        child = parent;
    }
}

} // namespace

char* set_jwt_key_file(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept {
    auto algorithm = JwtAlgorithm::hs256;
    if (!parse_jwt_algorithm(to_view(conf_arguments(cf)[2]), algorithm)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the algorithm \"%V\"; allowed: HS256, RS256, ES256",
                           &command->name, &conf_arguments(cf)[2]);
        return conf_failed();
    }
    std::string_view contents;
    JwtKeys* keys = own_keys(cf, access_of(conf));
    if (keys == nullptr || !read_key_file(cf, command, contents)) {
        return conf_failed();
    }
    return answer(cf, command, keys->add_file(algorithm, contents));
}

char* set_jwt_jwks_file(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept {
    std::string_view contents;
    JwtKeys* keys = own_keys(cf, access_of(conf));
    if (keys == nullptr || !read_key_file(cf, command, contents)) {
        return conf_failed();
    }
    size_t passed_over = 0;
    const char* problem = keys->add_set(contents, passed_over);
    if (problem == nullptr && passed_over != 0) {
        ngx_conf_log_error(NGX_LOG_NOTICE, cf, 0,
                           "\"%V\" is \"%V\": %uz of its keys are not for HS256, RS256 or ES256 "
                           "signatures and are not used",
                           &command->name, &conf_arguments(cf)[1], passed_over);
    }
    return answer(cf, command, problem);
}

char* set_jwt_issuer(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept {
    return set_text(cf, command, access_of(conf).issuer);
}

char* set_jwt_audience(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept {
    AccessConf& access = access_of(conf);
    const ngx_uint_t count = cf->args->nelts - 1;
    if (access.audiences != nullptr) {
        return conf_duplicate();
    }
    if (count > kMaxAudiences) {
        return answer(cf, command, "there are more than 16 audiences");
    }
    auto* audiences =
        static_cast<std::string_view*>(ngx_palloc(cf->pool, count * sizeof(std::string_view)));
    if (audiences == nullptr) {
        return conf_failed();
    }
    for (ngx_uint_t i = 0; i < count; ++i) {
        audiences[i] = to_view(conf_arguments(cf)[i + 1]);
        if (audiences[i].empty()) {
            return answer(cf, command, "an audience is empty");
        }
    }
    access.audiences = audiences;
    access.audience_count = count;
    return NGX_CONF_OK;
}

char* set_jwt_cookie(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept {
    ngx_str_t& cookie = access_of(conf).cookie;
    char* result = set_text(cf, command, cookie);
    if (result == NGX_CONF_OK && !token_valid(to_view(cookie))) {
        return answer(cf, command, "this is no name of a cookie (RFC 6265)");
    }
    return result;
}

char* set_jwt_required(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept {
    AccessConf& access = access_of(conf);
    if (access.required != NGX_CONF_UNSET_UINT) {
        return conf_duplicate();
    }
    const std::string_view text = to_view(conf_arguments(cf)[1]);
    access.required = text == "on" ? 1 : 0;
    return answer(cf, command,
                  text == "on" || text == "off" ? nullptr : "allowed are \"on\" and \"off\"");
}

char* set_subject(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept {
    AccessConf& access = access_of(conf);
    if (access.subject != nullptr) {
        return conf_duplicate();
    }
    access.subject = pool_make<ngx_http_complex_value_t>(cf->pool);
    if (access.subject == nullptr) {
        return conf_failed();
    }
    ngx_http_compile_complex_value_t compile;
    ngx_memzero(&compile, sizeof(compile));
    compile.cf = cf;
    compile.value = &conf_arguments(cf)[1];
    compile.complex_value = access.subject;
    if (ngx_http_compile_complex_value(&compile) != NGX_OK) {
        return conf_failed();
    }
    const bool constant = access.subject->lengths == nullptr;
    return answer(cf, command,
                  constant && access.subject->value.len != 0
                      ? "there is no variable in it, so that everybody would be the same subject; "
                        "\"\" switches an inherited one off"
                      : nullptr);
}

bool merge_access(ngx_conf_t* cf, const AccessConf& outer, AccessConf& conf, bool serves,
                  const ngx_str_t& file, ngx_uint_t line) noexcept {
    if (conf.keys == nullptr) {
        conf.keys = outer.keys;
    }
    if (conf.audiences == nullptr) {
        conf.audiences = outer.audiences;
        conf.audience_count = outer.audience_count;
    }
    if (conf.subject == nullptr) {
        conf.subject = outer.subject;
    }
    inherit_text(conf.issuer, outer.issuer);
    inherit_text(conf.cookie, outer.cookie);
    if (conf.required == NGX_CONF_UNSET_UINT) {
        conf.required = outer.required;
    }
    if (serves && conf.required == 1 && conf.keys == nullptr) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"mr_ws_jwt_required on\" has no key to check tokens by, for \"mr_ws\" in "
                      "%V:%ui: add \"mr_ws_jwt_key_file\" or \"mr_ws_jwt_jwks_file\"",
                      &file, line);
        return false;
    }
    return true;
}

} // namespace mr
