// Which pages may open a WebSocket: the browser's `Origin` against the policy of a location
// (RFC 6455 section 10.2, RFC 6454 section 7). Pure text; never looks at a request, never
// allocates. A client that sends no Origin is no browser, and not this file's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mr {

inline constexpr size_t kMaxOriginPatterns = 64;

// `[scheme://]host[:port]` with an optional leading `*.`: any subdomain, but not the domain itself.
// Without a scheme http and https are meant; without a port that scheme's own, `:*` is any port.
struct OriginPattern {
    std::string_view scheme; // empty: http or https
    std::string_view host;   // without `*.`; brackets kept for IPv6
    uint16_t port = 0;       // 0: the scheme's own
    bool any_port = false;
    bool subdomains = false;
};

// Views into the configuration, which outlives every request.
struct OriginPolicy {
    bool any = false;
    bool same = false; // the host (and port) the request was sent to
    uint16_t count = 0;
    const OriginPattern* patterns = nullptr;
};

// Null on success, else what is wrong with `text`.
const char* parse_origin_pattern(std::string_view text, OriginPattern& out) noexcept;

// `host` is the request's Host header, `tls` whether the connection is encrypted: a page that was
// loaded unencrypted is not the same origin as an encrypted socket.
bool origin_allowed(const OriginPolicy& policy, std::string_view origin, std::string_view host,
                    bool tls) noexcept;

} // namespace mr
