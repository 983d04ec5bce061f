// The two APIs of OpenAI. Any server that speaks one of them will do: the base URL decides.
#pragma once

#include "worker/providers/model/dialect.h"
#include "worker/providers/model/options.h"

#include <memory>

namespace mr::openai {

nlohmann::json role_message(std::string_view role, std::string_view content);
// Of somebody who speaks in the conversation.
nlohmann::json message_of(const ModelMessage& message);

std::unique_ptr<model::Dialect> make_chat_dialect(const model::Options& options);
std::unique_ptr<model::Dialect> make_responses_dialect(const model::Options& options);

} // namespace mr::openai
