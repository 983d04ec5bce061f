// The message_ids of a session's latest questions: a question that comes again under the same id
// yields no second turn. Kept in the session's record, bounded in count and time.
#pragma once

#include "worker/session/store.h"

#include <functional>
#include <list>
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
    // All that Redis keeps, read once; null: `going_on` has become false meanwhile. Asked before
    // every look, and nothing of the session is touched once it is false.
    static boost::asio::awaitable<std::optional<std::vector<std::string>>>
    message_ids(Relay& relay, KeyText meta, std::function<bool()> going_on);
    // Adds one; what is to be saved. find() has been called before.
    std::string with(std::string_view message_id, std::string_view turn_id);

  private:
    struct Entry {
        std::string message_id;
        std::string turn_id;
        int64_t at_ms = 0;
    };

    using Entries = std::list<Entry>; // unlike a deque, nothing while it is empty

    boost::asio::awaitable<void> load();
    static boost::asio::awaitable<std::optional<Entries>> read(Relay& relay, KeyText meta,
                                                               std::function<bool()> going_on);
    static Entries entries_in(std::string_view text);

    Relay& relay_;
    const SessionStore& store_;
    Entries entries_;
    bool loaded_ = false;
};

} // namespace mr
