// Chat Completions on the wire: what replies and stream events say. Pure. Remote input: unknown
// fields, events and values are ignored; a missing field and null mean the same.
//
// https://platform.openai.com/docs/api-reference/chat
#pragma once

#include "worker/providers/types.h"

#include <optional>
#include <string>
#include <string_view>

namespace mr::openai {

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
