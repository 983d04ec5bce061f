// What the header lines of an opening handshake say (RFC 6455 section 4.2.1), taken line by line.
// Pure text: knows nothing of nginx, never judges, never allocates.
#pragma once

#include "shared/ws_extension.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace mr {

// The header lines that matter, collected in one pass.
struct HandshakeHeaders {
    bool upgrade = false;           // any `Upgrade` line at all
    bool upgrade_websocket = false; // names the protocol websocket
    bool connection_upgrade = false;
    bool protocols_valid = true;  // every Sec-WebSocket-Protocol line holds nothing but tokens
    bool extensions_valid = true; // every Sec-WebSocket-Extensions line keeps to the grammar
    bool offers_v2 = false;
    uint32_t keys = 0; // how often the line occurs
    uint32_t versions = 0;
    uint32_t origins = 0;
    std::string_view key; // views into the request
    std::string_view version;
    std::string_view origin;
    std::string_view resume; // the subprotocol `mr.resume.…`, whole
    std::string_view traceparent;
    uint32_t bearers = 0;         // `Authorization: Bearer …`
    uint32_t token_protocols = 0; // the subprotocol `bearer.…`, for browsers
    std::string_view bearer;
    std::string_view token_protocol;     // without the prefix
    std::optional<DeflateOffer> deflate; // the first acceptable one
};

// Takes one header line; `name` in lower case. The views point into `value`.
void take_header(std::string_view name, std::string_view value, HandshakeHeaders& headers) noexcept;

} // namespace mr
