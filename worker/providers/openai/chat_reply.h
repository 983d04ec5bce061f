// Chat Completions on the wire: what replies and stream events say.
//
// https://platform.openai.com/docs/api-reference/chat
#pragma once

#include "worker/providers/model/dialect.h"

namespace mr::openai {

// Null: not the JSON of either.
std::optional<model::Piece> parse_event(std::string_view json);
std::optional<model::Piece> parse_reply(std::string_view json);

// The error object of both OpenAI APIs; null when there is none.
std::optional<model::ApiError> error_of(const nlohmann::json& object);

} // namespace mr::openai
