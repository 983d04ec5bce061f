// Configuration of who may connect and under which name: access tokens, and a subject that other
// modules of nginx have established. Directives, inheritance and what `nginx -t` says of them.
#pragma once

#include "ngx_mr_ws_module/jwt.h"
#include "ngx_mr_ws_module/ngx.h"

#include <string_view>

namespace mr {

inline constexpr ngx_uint_t kMaxAudiences = 16;

// Part of every http, server and location block; null pointers and unset numbers are inherited.
struct AccessConf {
    const JwtKeys* keys = nullptr; // null after merging: no access tokens here
    const std::string_view* audiences = nullptr;
    ngx_uint_t audience_count = 0;
    ngx_str_t issuer{};
    ngx_str_t cookie{};
    ngx_uint_t required = NGX_CONF_UNSET_UINT;
    uint64_t leeway_s = 0; // `mr_ws_jwt_leeway`, a number of settings.cpp
    ngx_http_complex_value_t* subject = nullptr;

    JwtKeys* own_keys = nullptr; // while this block is read

    JwtRules rules() const noexcept {
        return {to_view(issuer), {audiences, audience_count}, leeway_s};
    }
};

// Directive handlers, for the table in module.cpp; `conf` is a LocationConf.
char* set_jwt_key_file(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_jwt_jwks_file(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_jwt_issuer(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_jwt_audience(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_jwt_cookie(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_jwt_required(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_subject(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;

// All but the leeway, which is a number like others. `serves`: the location has `mr_ws`, which
// stands at `file`:`line`. False: logged.
bool merge_access(ngx_conf_t* cf, const AccessConf& outer, AccessConf& conf, bool serves,
                  const ngx_str_t& file, ngx_uint_t line) noexcept;

} // namespace mr
