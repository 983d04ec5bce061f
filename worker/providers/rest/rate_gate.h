// Who may ask an account when: the place where calls of one account wait for their turn.
#pragma once

#include "worker/providers/interfaces.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace mr::rest {

class RateGate {
  public:
    virtual ~RateGate() = default;
    // Returns when a call may be made. Throws ProviderError{rate_limited} at once when that would
    // be behind the call's deadline.
    virtual Task<void> admit(const CallContext& call) = 0;
    // The account's owner asked for a pause: nobody is admitted until it is over.
    virtual void hold(std::chrono::milliseconds pause) = 0;
};

// Evenly spaced, by this worker alone. `label` names the provider in the error.
std::shared_ptr<RateGate> make_local_gate(std::string label, std::uint64_t calls_per_second);

} // namespace mr::rest
