// The conversation of a session: a list in Redis, two entries per turn (question, answer), bounded
// in messages, in their length and in time. JSON entries; the pipeline's memory travels along
// unread. What a question needs of it is read once by each owner and held: the epoch keeps
// everybody else from writing the list meanwhile.
#pragma once

#include "worker/redis/commands.h"
#include "worker/session/store.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace mr {

// Of an answer; a longer one is cut, with kHistoryCut at its end. Prompts use far less.
inline constexpr size_t kMaxHistoryTextBytes = 64 * 1024;
inline constexpr char kHistoryCut[] = " […]";
inline constexpr size_t kEntriesOfTurn = 2;
// What a question needs of the conversation: so many of the newest messages, so much of each, and
// the newest memory. Where there is no memory, the questions before them as well.
inline constexpr size_t kSaidMessages = 8;
inline constexpr size_t kSaidBytes = 4 * 1024; // a thousand code points at least

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
HistoryEntry parse_history(const std::string& text, size_t max_content_bytes = SIZE_MAX);

// One for all that an owner does with the list: what another one writes would go unseen by this
// one.
class History {
  public:
    History(Relay& relay, SessionStore& store) : relay_(relay), store_(store) {}
    History(const History&) = delete;
    History& operator=(const History&) = delete;

    // Oldest first; all of them, or the newest `count`. Throws SessionLost when the session is lost
    // meanwhile.
    boost::asio::awaitable<std::vector<HistoryEntry>> load();
    boost::asio::awaitable<std::vector<HistoryEntry>> load_newest(size_t count);
    // Writes the whole list anew. Throws SessionLost.
    boost::asio::awaitable<void> rewrite(std::vector<HistoryEntry> entries);

    // What a question needs, oldest first, from memory if it is there: a copy, of kSaidBytes at
    // most of each content, and with none of an answer in front of the newest kSaidMessages. Throws
    // SessionLost.
    boost::asio::awaitable<std::vector<HistoryEntry>> said();
    // A turn that has just been saved (Save::history).
    void added(HistoryEntry question, HistoryEntry answer);
    // Redis may have gone back in time: what is held is not what the list says.
    void forget();

  private:
    boost::asio::awaitable<redis::Value> read_from(std::string first);
    void hold(const redis::Value& list, bool whole);
    bool suffices() const;
    void trim();

    Relay& relay_;
    SessionStore& store_;
    std::vector<HistoryEntry> said_; // the newest ones
    bool known_ = false;             // said_ is what the list says
    bool whole_ = false;             // all of it
    uint64_t forgotten_ = 0;         // times
};

} // namespace mr
