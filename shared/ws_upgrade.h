// The client's opening handshake of a WebSocket (RFC 6455 section 4.1): writes the request, reads
// the response. Never does I/O, owns no memory; the caller collects the bytes of the response.
#pragma once

#include "shared/buffer.h"
#include "shared/ws_handshake.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mr {

// Of the response, interim responses included, up to its empty line.
inline constexpr size_t kMaxUpgradeHeadBytes = 16 * 1024;
inline constexpr uint32_t kMaxInterimResponses = 8;

struct WsHeader {
    std::string_view name;
    std::string_view value;
};

// What to ask for. It has to outlive the connections that ask for it: many may share one.
struct WsTarget {
    std::string_view host{};     // as in the Host header: with the port where it is not the usual
    std::string_view path = "/"; // and the query; begins with a slash, already escaped
    std::string_view subprotocols{};     // "a, b"; empty: none
    std::span<const WsHeader> headers{}; // more of them: Origin, Authorization, ...
};

// Appends the request. Returns null, or what is wrong with the target: static text, without any of
// its values. Nothing that could end a header line gets into one.
[[nodiscard]] const char* append_upgrade_request(Buffer& out, const WsTarget& target,
                                                 std::string_view key) noexcept;

enum class WsUpgrade : uint8_t {
    need_more, // the response is not whole
    accepted,  // what follows `head_bytes` are frames
    refused,   // another status than 101
    broken,    // no HTTP, too long, or a 101 that breaks a rule of RFC 6455
};

// Views point into the bytes given, or into the target.
struct WsUpgradeResponse {
    WsUpgrade verdict = WsUpgrade::need_more;
    uint16_t status = 0;          // 0: none was read
    size_t head_bytes = 0;        // up to and with the empty line
    std::string_view subprotocol; // accepted: one of the target's; empty: none
    std::string_view retry_after; // refused: as it stands there, seconds or an HTTP date
    const char* problem = "";     // broken: static, names the rule
};

// Reads what has come of the response so far. The verdict does not depend on how the bytes were
// cut: the earliest byte that decides it decides it. Strict about what a 101 has to say: Upgrade is
// "websocket", Connection has the token "upgrade", Sec-WebSocket-Accept belongs to the key, none of
// them or of Sec-WebSocket-Protocol comes twice where it must not, the subprotocol is one of ours,
// no extension is agreed upon (none was offered). Lines end in CRLF and are not folded. Interim
// responses (RFC 7231 section 6.2) are passed over.
[[nodiscard]] WsUpgradeResponse read_upgrade_response(std::string_view received,
                                                      const WsTarget& target,
                                                      std::string_view key) noexcept;

} // namespace mr
