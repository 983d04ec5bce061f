// The conversation of a session: a list in Redis, two entries per turn (question, answer), bounded
// in messages, in their length and in time. JSON entries; the pipeline's memory travels along
// unread.
#pragma once

#include "worker/redis/commands.h"
#include "worker/session/store.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace mr {

// Of an answer; a longer one is cut, with kHistoryCut at its end. Prompts use far less.
inline constexpr size_t kMaxHistoryTextBytes = 64 * 1024;
inline constexpr char kHistoryCut[] = " […]";
inline constexpr size_t kEntriesOfTurn = 2;

struct HistoryEntry {
    std::string role; // "user" or "assistant"
    std::string content;
    std::string turn_id;
    std::string status;    // of the turn, as in response_complete
    nlohmann::json memory; // assistant: the pipeline's, null otherwise
    int rating = 0;        // assistant: the user's feedback
    std::string comment;
};

// The form in the list, for Save::history; and back. What is no entry has no role then.
std::string history_text(const HistoryEntry& entry);
HistoryEntry parse_history(const std::string& text);

class History {
  public:
    History(Relay& relay, SessionStore& store) : relay_(relay), store_(store) {}

    // Oldest first; all of them, or the newest `count`. Throws SessionLost when the session is lost
    // meanwhile.
    boost::asio::awaitable<std::vector<HistoryEntry>> load();
    boost::asio::awaitable<std::vector<HistoryEntry>> load_newest(size_t count);
    // Writes the whole list anew. Throws SessionLost.
    boost::asio::awaitable<void> rewrite(std::vector<HistoryEntry> entries);

  private:
    boost::asio::awaitable<std::vector<HistoryEntry>> load_from(std::string first);

    Relay& relay_;
    SessionStore& store_;
};

} // namespace mr
