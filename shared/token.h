// Resume tokens: proof that a client may follow a session. `<sid>.<expiry>.<mac>`, where expiry is
// Unix seconds in hexadecimal and mac is base64url(HMAC-SHA256(secret, "mr1" sid expiry subject))
// without padding (RFC 2104, RFC 4648 section 5). Every character is allowed in a WebSocket
// subprotocol token. Owns format and check; never stores tokens, never logs them.
#pragma once

#include "shared/ids.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mr {

inline constexpr size_t kMinSecretBytes = 16;
inline constexpr size_t kMaxSecretBytes = 256;
inline constexpr size_t kTokenMacChars = 43;
inline constexpr size_t kMaxTokenChars = kSessionIdChars + 1 + 16 + 1 + kTokenMacChars;
inline constexpr char kResumeProtocolPrefix[] = "mr.resume.";
inline constexpr char kProtocolV2[] = "mr.v2";
// An access token where a browser can put one; never selected by the server.
inline constexpr std::string_view kTokenProtocolPrefix = "bearer.";

struct TokenText {
    char chars[kMaxTokenChars];
    uint8_t length = 0;

    std::string_view view() const { return {chars, length}; }
};

// Signs a token. False only when the cryptographic library fails.
bool make_resume_token(TokenText& out, std::string_view secret, std::string_view session_id,
                       std::string_view subject, uint64_t expires_at_s);

// What a client offered as `mr.resume.<token>.<epoch>-<seq>`.
struct ResumeRequest {
    std::string_view session_id; // points into the input
    EventId cursor;
};

// Parses and checks a resume subprotocol. nullopt: malformed, wrong signature (compared in constant
// time), other subject, or expired. The reason is deliberately not told apart.
std::optional<ResumeRequest> check_resume_protocol(std::string_view protocol,
                                                   std::string_view secret,
                                                   std::string_view subject, uint64_t now_s);

} // namespace mr
