// The conversation of a session: a list in Redis, two entries per turn (question, answer), bounded
// in messages and in time. JSON entries; the pipeline's memory travels along unread.
#pragma once

#include "worker/redis/commands.h"
#include "worker/session/store.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace mr {

struct HistoryEntry {
    std::string role; // "user" or "assistant"
    std::string content;
    std::string turn_id;
    std::string status;    // of the turn, as in response_complete
    nlohmann::json memory; // assistant: the pipeline's, null otherwise
    int rating = 0;        // assistant: the user's feedback
    std::string comment;
};

class History {
  public:
    History(Relay& relay, const SessionStore& store) : relay_(relay), store_(store) {}

    // Oldest first. Throws SessionLost when the session is lost meanwhile.
    boost::asio::awaitable<std::vector<HistoryEntry>> load();
    // Adds a turn's two entries; sent at once, in order with other commands, not awaited.
    void append(const HistoryEntry& question, const HistoryEntry& answer);
    // Writes the whole list anew.
    void replace(const std::vector<HistoryEntry>& entries);

  private:
    void push(const std::vector<HistoryEntry>& entries, bool anew);

    Relay& relay_;
    const SessionStore& store_;
};

} // namespace mr
