// The session's record in Redis: claim, checkpoint, consumed mail, finish, release. Every write is
// fenced by the epoch of the claim. Calls are repeated while Redis is away, as long as the lease
// under which the session was claimed holds; then they throw SessionLost.
#pragma once

#include "shared/ids.h"
#include "shared/scripts.h"
#include "worker/redis/scripts.h"
#include "worker/session/out_lane.h"
#include "worker/session/relay.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mr {

inline constexpr std::chrono::seconds kReleaseLimit{60};

struct Claim {
    ClaimStatus status = ClaimStatus::busy;
    uint64_t epoch = 0;
    uint32_t attempt = 0;
    EventId prev;           // the event before the takeover record
    std::string checkpoint; // of a turn that an earlier owner left running; empty: none
    std::string subject;    // whose session it is, as the gateway has found; empty: anonymous
};

// Mail that has been dealt with: its number in the in lane and its size there.
struct ConsumedMail {
    uint64_t number = 0;
    uint64_t bytes = 0;
};
using Consumed = std::vector<ConsumedMail>;

// What is written down in one step (kSaveScript).
struct Save {
    std::string checkpoint; // empty: there is none any more
    Consumed consumed;
    std::string message_ids;          // empty: as they are
    std::vector<std::string> history; // entries to be added
    bool rewrite_history = false;     // they replace what is there, and the checkpoint stays
};

class SessionStore {
  public:
    SessionStore(Relay& relay, const Doorbell& bell);

    const SessionKeys& keys() const { return keys_; }
    const std::string& session_id() const { return bell_.session_id; }
    uint64_t epoch() const { return epoch_; }
    // The lease under which the session was claimed still holds.
    bool alive() const;

    boost::asio::awaitable<Claim> claim();
    boost::asio::awaitable<void> save(Save save);
    // The call that removes mail and keeps the checkpoint, for pipelining behind events.
    redis::ScriptCall consume_call(const Consumed& consumed) const;
    boost::asio::awaitable<FinishStatus> finish(std::chrono::milliseconds log_kept);
    // Lets the session go: another owner (or this worker again) goes on, with `checkpoint` if Redis
    // has forgotten the claim (failover, restart without its last writes). Works without a lease;
    // waits for Redis, up to kReleaseLimit.
    boost::asio::awaitable<void> release(std::string_view checkpoint);
    // After a claim that found the session busy: if it is this worker that owns it, and so nobody
    // attends it, it is released. For the caller who knows that there is no other actor for it.
    boost::asio::awaitable<void> release_stranded();
    // After Redis was away: what was saved last is saved again, in case it has been forgotten.
    // Does nothing when something newer is on its way.
    boost::asio::awaitable<void> repeat_save();

    // Mail is out of the in lane.
    std::function<void(const Consumed&)> on_consumed;
    void note_consumed(const Consumed& consumed) {
        if (on_consumed && !consumed.empty()) {
            on_consumed(consumed);
        }
    }

  private:
    using SharedCall = std::shared_ptr<const redis::ScriptCall>;

    boost::asio::awaitable<redis::Value> call(SharedCall script);
    redis::ScriptCall save_call(std::string_view op, uint64_t number, const Save& save) const;

    Relay& relay_;
    Doorbell bell_;
    SessionKeys keys_;
    std::string worker_;
    uint64_t epoch_ = 0;
    SharedCall saved_;   // the last one that Redis has acknowledged, or null
    uint64_t saves_ = 0; // begun
    bool saving_ = false;
};

} // namespace mr
