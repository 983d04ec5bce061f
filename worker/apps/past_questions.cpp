#include "worker/apps/past_questions.h"

#include "worker/json_text.h"

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

std::string cut_answer(std::string_view answer, size_t heard_bytes) {
    constexpr size_t kLeast = 4; // that text_within() can keep
    if (heard_bytes >= answer.size()) {
        return std::string(answer);
    }
    std::string_view heard;
    if (heard_bytes >= kLeast) {
        heard = text_within(answer, heard_bytes);
    }
    return std::string(heard) + kHistoryCut; // never empty: models refuse that
}

asio::awaitable<void> cut_past_answer(History& history, std::string turn_id, size_t heard_bytes) {
    std::vector<HistoryEntry> entries = co_await history.load();
    bool cut = false;
    for (HistoryEntry& entry : entries) {
        if (entry.turn_id == turn_id && entry.role == "assistant" &&
            heard_bytes < entry.content.size()) {
            entry.content = cut_answer(entry.content, heard_bytes);
            cut = true;
        }
    }
    if (cut) {
        co_await history.rewrite(entries);
    }
}

} // namespace mr
