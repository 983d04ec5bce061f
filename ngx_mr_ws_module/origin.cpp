#include "ngx_mr_ws_module/origin.h"

#include "shared/bytes.h"
#include "shared/ids.h"
#include "shared/ws_handshake.h"

#include <optional>

namespace mr {
namespace {

constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;

struct HostPort {
    std::string_view host;
    std::string_view port; // empty: none given
};

// `host`, `host:port` or `[address]:port`. False for what has another form.
bool split_host(std::string_view text, HostPort& out) {
    const size_t bracket = text.starts_with('[') ? text.find(']') : 0;
    if (bracket == std::string_view::npos) {
        return false;
    }
    const size_t colon = text.find(':', bracket);
    out.host = slice(text, 0, colon);
    out.port = colon == std::string_view::npos ? std::string_view{} : slice(text, colon + 1);
    return !out.host.empty() && (colon == std::string_view::npos || !out.port.empty());
}

std::optional<uint16_t> parse_port(std::string_view text) {
    const auto number = parse_decimal(text);
    if (!number || *number == 0 || *number > 65535) {
        return std::nullopt;
    }
    return static_cast<uint16_t>(*number);
}

// 0: the scheme has no port of its own.
uint16_t port_of_scheme(std::string_view scheme) {
    if (equals_ignoring_case(scheme, "https")) {
        return kHttpsPort;
    }
    return equals_ignoring_case(scheme, "http") ? kHttpPort : uint16_t{0};
}

bool host_chars_valid(std::string_view host) {
    for (const char c : host) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                           (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '[' ||
                           c == ']' || c == ':';
        if (!plain) {
            return false;
        }
    }
    return !host.empty();
}

struct Origin {
    std::string_view scheme;
    std::string_view host;
    uint16_t port = 0;
};

// The form browsers send: scheme://host[:port], nothing behind it. "null" is none.
bool parse_origin(std::string_view text, Origin& out) {
    const size_t colon = text.find("://");
    if (colon == std::string_view::npos || colon == 0) {
        return false;
    }
    HostPort parts;
    out.scheme = slice(text, 0, colon);
    if (!split_host(slice(text, colon + 3), parts) || !host_chars_valid(parts.host)) {
        return false;
    }
    out.host = parts.host;
    const auto port =
        parts.port.empty() ? std::optional(port_of_scheme(out.scheme)) : parse_port(parts.port);
    out.port = port.value_or(0);
    return port.has_value();
}

bool host_matches(const OriginPattern& pattern, std::string_view host) {
    if (!pattern.subdomains) {
        return equals_ignoring_case(host, pattern.host);
    }
    if (host.size() < pattern.host.size() + 2) {
        return false;
    }
    const size_t dot = host.size() - pattern.host.size() - 1;
    return host[dot] == '.' && equals_ignoring_case(slice(host, dot + 1), pattern.host);
}

bool pattern_matches(const OriginPattern& pattern, const Origin& origin) {
    const uint16_t own_port = port_of_scheme(origin.scheme);
    const bool scheme_fits = pattern.scheme.empty()
                                 ? own_port != 0
                                 : equals_ignoring_case(origin.scheme, pattern.scheme);
    const uint16_t wanted = pattern.port != 0 ? pattern.port : own_port;
    return scheme_fits && host_matches(pattern, origin.host) &&
           (pattern.any_port || origin.port == wanted);
}

bool same_host(const Origin& origin, std::string_view host, bool tls) {
    HostPort ours;
    const uint16_t own_port = port_of_scheme(origin.scheme);
    if (!split_host(host, ours) || own_port == 0 || (tls && own_port != kHttpsPort)) {
        return false;
    }
    // Without a port in Host, the client meant the one of the page's scheme.
    const auto port = ours.port.empty() ? std::optional(own_port) : parse_port(ours.port);
    return port && *port == origin.port && equals_ignoring_case(ours.host, origin.host);
}

} // namespace

const char* parse_origin_pattern(std::string_view text, OriginPattern& out) noexcept {
    out = {};
    if (text == "null") {
        return "this is what pages without an origin send, any page can be one: only \"any\" lets "
               "them in";
    }
    if (const size_t scheme = text.find("://"); scheme != std::string_view::npos) {
        out.scheme = slice(text, 0, scheme);
        if (!token_valid(out.scheme)) {
            return "the part before \"://\" is no scheme";
        }
        text = slice(text, scheme + 3);
    }
    if (text.starts_with("*.")) {
        out.subdomains = true;
        text.remove_prefix(2);
    }
    HostPort parts;
    if (!split_host(text, parts) || !host_chars_valid(parts.host)) {
        return "this is no host name (an origin has no path, and \"*.\" only in front)";
    }
    out.host = parts.host;
    if (parts.port == "*") {
        out.any_port = true;
    } else if (!parts.port.empty()) {
        const auto port = parse_port(parts.port);
        if (!port) {
            return "the port is not a number from 1 to 65535";
        }
        out.port = *port;
    }
    return nullptr;
}

bool origin_allowed(const OriginPolicy& policy, std::string_view origin, std::string_view host,
                    bool tls) noexcept {
    if (policy.any) {
        return true;
    }
    Origin parsed;
    if (!parse_origin(origin, parsed)) {
        return false;
    }
    if (policy.same && same_host(parsed, host, tls)) {
        return true;
    }
    for (uint16_t i = 0; i < policy.count; ++i) {
        if (pattern_matches(policy.patterns[i], parsed)) {
            return true;
        }
    }
    return false;
}

} // namespace mr
