// Who may ask an account when: the place where calls of one account wait for their turn. Accounts
// are shared by all workers, so their queues lie in a store that all of them reach (RateStore);
// while that is away, each worker keeps the whole limit by itself, since it cannot know better.
#pragma once

#include "worker/providers/interfaces.h"
#include "worker/providers/rest/rate.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mr::rest {

class RateGate {
  public:
    virtual ~RateGate() = default;
    // Returns when a call may be made. Throws ProviderError{rate_limited} at once when that would
    // be behind the call's deadline.
    virtual Task<void> admit(const CallContext& call) = 0;
    // The account's owner asked for a pause (kMaxHold at most): nobody is admitted until it is
    // over.
    virtual void hold(std::chrono::milliseconds pause) = 0;
};

struct Account {
    std::string provider; // as in logs and metrics: "hubspot"
    std::string label;    // for users: "HubSpot"
    std::string id;       // account_id() of its key
};

// Names an account without giving away its key: 16 hexadecimal digits of SHA-256.
std::string account_id(std::string_view key);

// The queues of accounts, for all workers together.
class RateStore {
  public:
    virtual ~RateStore() = default;
    // The next place in the account's queue. With `again`, the caller has waited for its place: it
    // gets another one only if the account is on hold by now. Null: the store is away.
    virtual Task<std::optional<Place>> take(const Account& account, const Rate& rate,
                                            std::chrono::microseconds longest, bool again) = 0;
    virtual void hold(const Account& account, const Rate& rate,
                      std::chrono::milliseconds pause) = 0;
};

// Null when there is no limit. Without a store: by this worker alone.
std::shared_ptr<RateGate> make_gate(std::shared_ptr<RateStore> store, Account account, Rate rate);

// Evenly spaced, by this worker alone. `label` names the provider in the error.
std::shared_ptr<RateGate> make_local_gate(std::string label, std::uint64_t calls_per_second);

} // namespace mr::rest
