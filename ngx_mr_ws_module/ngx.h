// nginx's headers for C++: language linkage, version shims and the few conversions between nginx's
// types and ours. Every file of the module includes nginx through this one. Owns nothing; has no
// code that acts.
//
// The module is compiled without exceptions, so every callback handed to nginx is noexcept in fact;
// those declared here and elsewhere say so.
#pragma once

// libstdc++'s wrappers of the C headers hold templates: they have to come before `extern "C"`.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <type_traits>

extern "C" {
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

extern ngx_module_t ngx_mr_ws_module;
}

#if !NGX_SSL || !NGX_HTTP_SSL
#error "nginx has to be configured with SSL: the module signs resume tokens and talks TLS to Redis"
#endif

namespace mr {

inline std::string_view to_view(const ngx_str_t& text) noexcept {
    return {reinterpret_cast<const char*>(text.data), text.len};
}

// nginx's strings point to mutable bytes but are treated as constants where this is used.
inline ngx_str_t to_ngx(std::string_view text) noexcept {
    return {text.size(), reinterpret_cast<u_char*>(const_cast<char*>(text.data()))};
}

// Sets what a connection's log lines say behind "while".
inline void set_log_action(ngx_log_t* log, const char* action) noexcept {
    log->action = const_cast<char*>(action);
}

// A header line made by us is alone of its name: nginx 1.23 links equal ones.
inline void end_header_list([[maybe_unused]] ngx_table_elt_t* header) noexcept {
#if nginx_version >= 1023000
    header->next = nullptr;
#endif
}

// Allocates from an nginx pool and default-initialises; null when memory is short. For types whose
// destructor has nothing to do: pools run none.
template <typename Type> Type* pool_make(ngx_pool_t* pool) noexcept {
    static_assert(std::is_trivially_destructible_v<Type>);
    void* memory = ngx_palloc(pool, sizeof(Type));
    if (memory == nullptr) {
        return nullptr;
    }
    auto* made = static_cast<Type*>(memory);
    const Type initial{};
    std::memcpy(static_cast<void*>(made), &initial, sizeof(Type));
    return made;
}

} // namespace mr
