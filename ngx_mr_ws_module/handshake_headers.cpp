#include "ngx_mr_ws_module/handshake_headers.h"

#include "shared/bytes.h"
#include "shared/token.h"
#include "shared/ws_handshake.h"

namespace mr {
namespace {

void take_protocols(std::string_view value, HandshakeHeaders& headers) {
    headers.protocols_valid = headers.protocols_valid && subprotocols_valid(value);
    TokenList list(value);
    while (const auto name = list.next()) {
        if (*name == kProtocolV2) {
            headers.offers_v2 = true;
        } else if (name->starts_with(kResumeProtocolPrefix)) {
            headers.resume = *name;
        } else if (name->starts_with(kTokenProtocolPrefix)) {
            headers.token_protocol = slice(*name, kTokenProtocolPrefix.size());
            ++headers.token_protocols;
        }
    }
}

void take_extensions(std::string_view value, HandshakeHeaders& headers) {
    const ExtensionOffers offers = read_extensions(value);
    headers.extensions_valid = headers.extensions_valid && offers.well_formed;
    if (!headers.deflate) {
        headers.deflate = offers.deflate;
    }
}

// `Bearer <token>` (RFC 6750 section 2.1); other schemes are other modules' business.
void take_authorization(std::string_view value, HandshakeHeaders& headers) {
    constexpr std::string_view kScheme = "Bearer ";
    if (!equals_ignoring_case(slice(value, 0, kScheme.size()), kScheme)) {
        return;
    }
    value.remove_prefix(kScheme.size());
    while (value.starts_with(' ')) {
        value.remove_prefix(1);
    }
    headers.bearer = value;
    ++headers.bearers;
}

} // namespace

void take_header(std::string_view name, std::string_view value,
                 HandshakeHeaders& headers) noexcept {
    if (name == "upgrade") {
        headers.upgrade = true;
        headers.upgrade_websocket |= token_list_contains(value, "websocket");
    } else if (name == "connection") {
        headers.connection_upgrade |= token_list_contains(value, "upgrade");
    } else if (name == "sec-websocket-key") {
        headers.key = value;
        ++headers.keys;
    } else if (name == "sec-websocket-version") {
        headers.version = value;
        ++headers.versions;
    } else if (name == "sec-websocket-protocol") {
        take_protocols(value, headers);
    } else if (name == "sec-websocket-extensions") {
        take_extensions(value, headers);
    } else if (name == "origin") {
        headers.origin = value;
        ++headers.origins;
    } else if (name == "traceparent") {
        headers.traceparent = value;
    } else if (name == "authorization") {
        take_authorization(value, headers);
    }
}

} // namespace mr
