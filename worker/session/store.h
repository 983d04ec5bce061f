// The session's record in Redis: claim, checkpoint, consumed mail, finish, release. Every write is
// fenced by the epoch of the claim. Calls are repeated while Redis is away, as long as the lease
// under which the session was claimed holds; then they throw SessionLost.
#pragma once

#include "shared/ids.h"
#include "shared/scripts.h"
#include "worker/redis/scripts.h"
#include "worker/session/out_lane.h"
#include "worker/session/relay.h"

#include <string>
#include <string_view>
#include <vector>

namespace mr {

struct Claim {
    ClaimStatus status = ClaimStatus::busy;
    uint64_t epoch = 0;
    uint32_t attempt = 0;
    EventId prev;           // the event before the takeover record
    std::string checkpoint; // of a turn that an earlier owner left running; empty: none
    std::string subject;
};

// Mail that has been dealt with: its numbers in the in lane and their size.
struct Consumed {
    std::vector<uint64_t> numbers;
    uint64_t bytes = 0;

    bool empty() const { return numbers.empty(); }
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
    // `checkpoint` empty: cleared. `consumed` is removed from the in lane in the same script.
    boost::asio::awaitable<void> save(std::string_view checkpoint, const Consumed& consumed);
    // The call that removes mail and keeps the checkpoint, for pipelining behind events.
    redis::ScriptCall consume_call(const Consumed& consumed) const;
    boost::asio::awaitable<FinishStatus> finish();
    // False: fenced, nothing to release.
    boost::asio::awaitable<bool> release();
    // After a claim that found the session busy: if it is this worker that owns it, and so nobody
    // attends it, it is released. For the caller who knows that there is no other actor for it.
    boost::asio::awaitable<void> release_stranded();
    // Does something only if Redis has lost the session's record altogether (restart without its
    // data): writes the checkpoint of the running turn anew and rings, so that the turn is taken
    // up. Needs no lease.
    boost::asio::awaitable<void> revive(std::string_view checkpoint);

  private:
    boost::asio::awaitable<redis::Value> call(redis::ScriptCall script);
    redis::ScriptCall save_call(std::string_view op, std::string_view checkpoint,
                                const Consumed& consumed) const;

    Relay& relay_;
    Doorbell bell_;
    SessionKeys keys_;
    std::string worker_;
    uint64_t epoch_ = 0;
};

} // namespace mr
