// The message_ids of a session's latest questions: a question that comes again under the same id
// yields no second turn. Kept in the session's record, bounded in count and time.
#pragma once

#include "worker/session/store.h"

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mr {

inline constexpr std::chrono::minutes kRememberIds{15};
inline constexpr size_t kMaxRememberedIds = 256;
inline constexpr std::string_view kIdsField = "mids";

class RememberedIds {
  public:
    RememberedIds(Relay& relay, const SessionStore& store) : relay_(relay), store_(store) {}

    // The turn that the id asked for, if any. Throws SessionLost.
    boost::asio::awaitable<std::optional<std::string>> find(std::string message_id);
    // The message ids in what Redis keeps (kIdsField of the session's record); none of what is not
    // readable.
    static std::vector<std::string> names_in(std::string_view text);
    // Adds one; what is to be saved. find() has been called before.
    std::string with(std::string_view message_id, std::string_view turn_id);

  private:
    struct Entry {
        std::string message_id;
        std::string turn_id;
        int64_t at_ms = 0;
    };

    boost::asio::awaitable<void> load();

    Relay& relay_;
    const SessionStore& store_;
    std::deque<Entry> entries_;
    bool loaded_ = false;
};

} // namespace mr
