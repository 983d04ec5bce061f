// What a location answers with, as directives: a WebSocket, chat over HTTP, health, or metrics; one
// of them at most. settings.cpp merges and checks what is set here.
#pragma once

#include "ngx_mr_ws_module/ngx.h"

namespace mr {

// Directive handlers, for the table in module.cpp.
char* set_app(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_health(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_metrics(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_http(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;

} // namespace mr
