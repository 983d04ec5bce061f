// What clients ask about turns that are over: the question to repeat, a rating to keep with the
// answer, an answer that was not heard to its end. Reads and writes the conversation's history.
#pragma once

#include "worker/apps/client_message.h"
#include "worker/session/history.h"

#include <optional>
#include <string>
#include <string_view>

namespace mr {

// The question of a turn; empty when the history does not know it.
boost::asio::awaitable<std::optional<std::string>> find_question(History& history,
                                                                 std::string turn_id);
// False: unknown turn.
boost::asio::awaitable<bool> store_feedback(History& history, const ClientMessage& message);

// The answer as somebody knows it who has heard this much of it: marked, if that is not all.
std::string cut_answer(std::string_view answer, size_t heard_bytes);
// The same in the history.
boost::asio::awaitable<void> cut_past_answer(History& history, std::string turn_id,
                                             size_t heard_bytes);

} // namespace mr
