// The one object that answers an HTTP request, on its way through the out lane: the bytes of an
// event with the flag kEventAnswer. The worker makes it whole, the gateway forwards it unread.
//   u64 connection · u16 status · u16 retry_after_s · body
// Also which HTTP status an error code is. Owns this format; never looks into the body.
#pragma once

#include "shared/buffer.h"
#include "shared/bytes.h"
#include "shared/error_code.h"

#include <cstdint>
#include <optional>

namespace mr {

inline constexpr size_t kOneAnswerHeaderBytes = 12;

struct OneAnswer {
    uint64_t connection = 0;    // of the mail that it answers
    uint16_t status = 200;      // HTTP's
    uint16_t retry_after_s = 0; // 0: not told
    ByteView body;              // a JSON text
};

// False: out of memory.
inline bool encode_one_answer(Buffer& out, const OneAnswer& answer) {
    uint8_t* at = out.extend(kOneAnswerHeaderBytes);
    if (at == nullptr) {
        return false;
    }
    store_le(at, answer.connection);
    store_le(at + 8, answer.status);
    store_le(at + 10, answer.retry_after_s);
    return out.append(answer.body);
}

// The view points into the input. nullopt: malformed.
inline std::optional<OneAnswer> decode_one_answer(ByteView bytes) {
    if (bytes.size() < kOneAnswerHeaderBytes) {
        return std::nullopt;
    }
    OneAnswer answer;
    answer.connection = load_le<uint64_t>(bytes.data());
    answer.status = load_le<uint16_t>(bytes.data() + 8);
    answer.retry_after_s = load_le<uint16_t>(bytes.data() + 10);
    answer.body = bytes.subspan(kOneAnswerHeaderBytes);
    if (answer.status < 200 || answer.status > 599) {
        return std::nullopt;
    }
    return answer;
}

// RFC 9110 section 15, RFC 6585 section 4.
constexpr uint16_t http_status(ErrorCode code) {
    switch (code) {
    case ErrorCode::empty_message:
    case ErrorCode::bad_json:
    case ErrorCode::bad_request:
    case ErrorCode::unsupported_type:
        return 400;
    case ErrorCode::bad_token:
        return 401;
    case ErrorCode::bad_resume:
        return 403;
    case ErrorCode::too_large:
        return 413;
    case ErrorCode::unsupported_data:
    case ErrorCode::bad_format:
        return 415;
    case ErrorCode::audio_overrun:
    case ErrorCode::rate_limited:
    case ErrorCode::busy:
        return 429;
    case ErrorCode::no_worker:
    case ErrorCode::relay_unavailable:
    case ErrorCode::voice_unavailable:
        return 503;
    case ErrorCode::turn_timeout:
        return 504;
    case ErrorCode::turn_failed:
    case ErrorCode::attempts_exhausted:
    case ErrorCode::internal:
    case ErrorCode::voice_lost:
        break;
    }
    return 500;
}

inline constexpr uint16_t kHttpRetryAfterS = 2; // where a retry can help and nothing else is known

constexpr uint16_t http_retry_after_s(ErrorCode code) {
    const uint16_t status = http_status(code);
    return status == 429 || status == 503 ? kHttpRetryAfterS : uint16_t{0};
}

} // namespace mr
