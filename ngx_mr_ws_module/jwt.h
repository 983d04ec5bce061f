// Access tokens: signed JWTs (RFC 7515, 7519; the advice of RFC 8725). Decides whether one is good
// here and whose it is. The signature is checked by cjose, before any claim is looked at. Knows
// nothing of nginx; never logs, never keeps a token.
#pragma once

#include "ngx_mr_ws_module/jwt_keys.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mr {

inline constexpr size_t kMaxJwtChars = 8192;
inline constexpr size_t kMaxJwtHeaderChars = 2048;
inline constexpr size_t kMaxSubjectBytes = 255;

// What a token has to say besides who it is for. Views into the configuration.
struct JwtRules {
    std::string_view issuer;                     // empty: any
    std::span<const std::string_view> audiences; // one of them; none: a token for one is refused
    uint64_t leeway_s = 0;                       // what the clocks may be apart
};

struct JwtClaims {
    uint64_t expires_at_s = 0; // Unix time, the leeway included
    uint16_t subject_length = 0;
    char subject[kMaxSubjectBytes];

    std::string_view subject_view() const noexcept { return {subject, subject_length}; }
};

enum class JwtProblem : uint8_t {
    none,
    too_long,
    malformed,
    header,
    algorithm,
    key,
    signature,
    payload,
    no_expiry,
    expired,
    not_yet,
    issuer,
    audience,
    subject,
};

// For the log of the server. A client is told nothing of it: whoever forges tokens would learn.
std::string_view jwt_problem_text(JwtProblem problem) noexcept;

// A name that may own sessions: 1 to 255 bytes of UTF-8 without control characters.
bool subject_valid(std::string_view subject) noexcept;

// `out` is filled when the answer is `none`.
JwtProblem check_jwt(const JwtKeys& keys, const JwtRules& rules, std::string_view token,
                     uint64_t now_s, JwtClaims& out) noexcept;

} // namespace mr
