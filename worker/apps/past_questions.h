// What clients ask about turns that are over: the question to repeat, a rating to keep with the
// answer. Reads and writes the conversation's history.
#pragma once

#include "worker/apps/client_message.h"
#include "worker/session/history.h"

#include <optional>
#include <string>

namespace mr {

// The question of a turn; empty when the history does not know it.
boost::asio::awaitable<std::optional<std::string>> find_question(History& history,
                                                                 std::string turn_id);
// False: unknown turn.
boost::asio::awaitable<bool> store_feedback(History& history, const ClientMessage& message);

} // namespace mr
