// The sessions this worker owns or is about to claim, at most one actor each. Answers doorbells,
// keeps those that ring for a session in hand until its actor has ended, drops everything when the
// lease lapses, and empties itself for a graceful stop.
#pragma once

#include "worker/session/actor.h"

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

namespace mr {

class Sessions : public std::enable_shared_from_this<Sessions> {
  public:
    static std::shared_ptr<Sessions> make(Relay& relay, std::map<std::string, AppFactory> apps);

    void ring(Doorbell bell);
    size_t size() const { return actors_.size(); }
    size_t free() const;
    bool knows_entry(std::string_view session_id, std::string_view entry_id) const;

    // The lease is gone: every actor stops at once and touches nothing more.
    void drop_all();
    // Waits until all sessions have ended by themselves, at most `patience`; then hands over the
    // rest. Doorbells that ring meanwhile stay where they are.
    boost::asio::awaitable<void> drain(std::chrono::milliseconds patience);
    void hurry(); // ends the patience of drain()

    std::function<void()> on_free; // a session has ended

  private:
    Sessions(Relay& relay, std::map<std::string, AppFactory> apps);

    boost::asio::awaitable<void> attend(std::shared_ptr<Actor> actor);
    void ended(const std::shared_ptr<Actor>& actor);
    void refuse(const Doorbell& bell, std::string_view reason);

    Relay& relay_;
    std::map<std::string, AppFactory> apps_;
    std::unordered_map<std::string, std::shared_ptr<Actor>> actors_;
    Signal changed_;
    bool draining_ = false;
    bool hurried_ = false;
};

} // namespace mr
