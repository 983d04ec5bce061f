// What `POST /v1/tts` asks for: {"text","voice_id"?}. Pure.
#pragma once

#include "shared/error_code.h"

#include <string>
#include <string_view>
#include <variant>

namespace mr {

inline constexpr size_t kMaxVoiceNameBytes = 100;

struct TtsRequest {
    std::string text;  // has a word at least
    std::string voice; // a name or an id; empty: the default
};

std::variant<TtsRequest, ErrorCode> parse_tts_request(std::string_view body, size_t max_text_bytes);

} // namespace mr
