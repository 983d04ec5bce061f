// Codes of the `error` event (docs/protocol.md lists them with meaning and cure; a test compares
// the two). One table: enum, wire name, text shown to the user. Texts never carry input or secrets.
#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>

namespace mr {

enum class ErrorCode : uint8_t {
    empty_message,
    too_large,
    bad_json,
    bad_request,
    unsupported_type,
    unsupported_data,
    bad_token,
    bad_resume,
    rate_limited,
    busy,
    no_worker,
    relay_unavailable,
    turn_failed,
    turn_timeout,
    attempts_exhausted,
    internal,
    voice_unavailable,
    bad_format,
    audio_overrun,
    voice_lost,
};

struct ErrorText {
    ErrorCode code;
    std::string_view name;
    std::string_view message;
};

inline constexpr ErrorText kErrors[] = {
    {ErrorCode::empty_message, "empty_message", "Message cannot be empty"},
    {ErrorCode::too_large, "too_large", "Message is too large"},
    {ErrorCode::bad_json, "bad_json", "Message is not valid JSON"},
    {ErrorCode::bad_request, "bad_request",
     "Message must be a JSON object with the documented fields"},
    {ErrorCode::unsupported_type, "unsupported_type", "This message type is not supported"},
    {ErrorCode::unsupported_data, "unsupported_data", "Binary messages are not accepted here"},
    {ErrorCode::bad_token, "bad_token", "This access token is not accepted"},
    {ErrorCode::bad_resume, "bad_resume", "This session cannot be resumed"},
    {ErrorCode::rate_limited, "rate_limited", "Too many messages, please slow down"},
    {ErrorCode::busy, "busy", "The service is busy, please try again in a moment"},
    {ErrorCode::no_worker, "no_worker",
     "No worker is available right now, please try again in a moment"},
    {ErrorCode::relay_unavailable, "relay_unavailable",
     "The service is temporarily unavailable, please try again in a moment"},
    {ErrorCode::turn_failed, "turn_failed", "The question could not be answered"},
    {ErrorCode::turn_timeout, "turn_timeout", "The answer took too long"},
    {ErrorCode::attempts_exhausted, "attempts_exhausted",
     "The question could not be answered after several attempts"},
    {ErrorCode::internal, "internal", "Internal error"},
    {ErrorCode::voice_unavailable, "voice_unavailable", "Voice is not available right now"},
    {ErrorCode::bad_format, "bad_format", "This form of audio is not taken"},
    {ErrorCode::audio_overrun, "audio_overrun", "More audio than can be followed, some is dropped"},
    {ErrorCode::voice_lost, "voice_lost", "This stream of audio is not known here, resume it"},
};

constexpr const ErrorText& error_text(ErrorCode code) {
    return kErrors[static_cast<size_t>(code)];
}

constexpr bool error_table_in_order() {
    for (size_t i = 0; i < std::size(kErrors); ++i) {
        if (static_cast<size_t>(kErrors[i].code) != i) {
            return false;
        }
    }
    return static_cast<size_t>(ErrorCode::voice_lost) + 1 == std::size(kErrors);
}
static_assert(error_table_in_order(), "kErrors must list the codes in the order of the enum");

} // namespace mr
