#include "ngx_mr_ws_module/health.h"

#include "ngx_mr_ws_module/http_answer.h"
#include "ngx_mr_ws_module/hub.h"
#include "ngx_mr_ws_module/relay.h"
#include "ngx_mr_ws_module/settings.h"

namespace mr {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr size_t kMaxBodyChars = 96;

ngx_int_t say_ok(ngx_http_request_t* r) {
    return http_answer(r,
                       {NGX_HTTP_OK, R"({"status":"ok"})", kJson, {}, "Cache-Control", "no-store"});
}

ngx_int_t say_unavailable(ngx_http_request_t* r, std::string_view reason) {
    char body[kMaxBodyChars];
    auto* begin = reinterpret_cast<u_char*>(body);
    const u_char* end =
        ngx_snprintf(begin, sizeof(body), "{\"status\":\"unavailable\",\"reason\":\"%*s\"}",
                     reason.size(), reason.data());
    const std::string_view text{body, static_cast<size_t>(end - begin)};
    return http_answer(
        r, {NGX_HTTP_SERVICE_UNAVAILABLE, text, kJson, {}, "Cache-Control", "no-store"});
}

ngx_int_t say_ready(ngx_http_request_t* r, const LocationConf& conf) {
    if (ngx_exiting || ngx_quit || ngx_terminate) {
        return say_unavailable(r, "draining");
    }
    Hub* hub = relay_hub(*conf.redis);
    if (hub == nullptr) {
        return say_unavailable(r, trouble_word(Trouble::starting));
    }
    const Trouble trouble = readiness_check(*hub);
    return trouble == Trouble::none ? say_ok(r) : say_unavailable(r, trouble_word(trouble));
}

} // namespace

ngx_int_t health_handler(ngx_http_request_t* r) noexcept {
    const auto& conf =
        *static_cast<const LocationConf*>(ngx_http_get_module_loc_conf(r, ngx_mr_ws_module));
    if (!http_reads(r)) {
        return http_answer(r, kOnlyRead);
    }
    switch (conf.health_kind()) {
    case HealthKind::live:
        return say_ok(r);
    case HealthKind::ready:
        return say_ready(r, conf);
    case HealthKind::off:
        break;
    }
    return NGX_DECLINED;
}

} // namespace mr
