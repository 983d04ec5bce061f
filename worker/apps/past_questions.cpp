#include "worker/apps/past_questions.h"

namespace mr {

namespace asio = boost::asio;

asio::awaitable<std::optional<std::string>> find_question(History& history, std::string turn_id) {
    const std::vector<HistoryEntry> entries = co_await history.load();
    for (const HistoryEntry& entry : entries) {
        if (entry.turn_id == turn_id && entry.role == "user") {
            co_return entry.content;
        }
    }
    co_return std::nullopt;
}

asio::awaitable<bool> store_feedback(History& history, const ClientMessage& message) {
    std::vector<HistoryEntry> entries = co_await history.load();
    bool found = false;
    for (HistoryEntry& entry : entries) {
        if (entry.turn_id == message.turn_id && entry.role == "assistant") {
            entry.rating = message.rating;
            entry.comment = message.comment;
            found = true;
        }
    }
    if (found) {
        co_await history.rewrite(entries);
    }
    co_return found;
}

} // namespace mr
