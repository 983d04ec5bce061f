// Chat Completions on the wire: request bodies out of an AnswerRequest, and what replies and stream
// events say. Pure: JSON in, JSON out. Unknown fields, events and values are ignored; a missing
// field and null mean the same.
//
// https://platform.openai.com/docs/api-reference/chat
#pragma once

#include "worker/providers/interfaces.h"

#include <optional>
#include <string>
#include <string_view>

namespace mr::openai {

inline constexpr std::size_t kHistoryMessages = 8;
inline constexpr std::size_t kHistoryCodePoints = 1'000;
inline constexpr std::size_t kMaxVisualizationBytes = 16 * 1024;
inline constexpr std::size_t kMaxDeliveredBytes = 64 * 1024; // the end of what was delivered

// Parts of a request that a server or model may refuse; each is dropped for good once it has been.
struct Features {
    bool stream = true;
    bool stream_options = true; // usage at the end of a stream
};

std::string request_body(const AnswerRequest& request, std::string_view model,
                         const Features& features);

struct ApiError {
    std::string type;
    std::string code;
    std::string param;
    std::string message; // the provider's: for logs, never for users
};

// What one stream event, or a whole reply, adds.
struct Piece {
    std::string text; // of the answer, or of the refusal to give one
    std::string finish_reason;
    std::string model;
    std::optional<Usage> usage;
    std::optional<ApiError> error;
};

// Null: not the JSON of either.
std::optional<Piece> parse_event(std::string_view json);
std::optional<Piece> parse_reply(std::string_view json);

} // namespace mr::openai
