#include "worker/providers/rest/rate_gate.h"

#include "worker/async.h"

#include <algorithm>
#include <utility>

namespace mr::rest {
namespace {

using Clock = std::chrono::steady_clock;

class LocalGate final : public RateGate {
  public:
    LocalGate(std::string label, std::uint64_t calls_per_second)
        : label_(std::move(label)),
          apart_(std::chrono::microseconds(1'000'000 / calls_per_second)) {}

    // Takes the next free moment; calls that come later get later ones.
    Task<void> admit(const CallContext& call) override {
        const Clock::time_point now = Clock::now();
        const Clock::time_point mine = std::max(now, next_);
        if (mine >= call.deadline) {
            throw ProviderError(ProviderFault::rate_limited,
                                "too many calls wait for " + label_ + " at the moment");
        }
        next_ = mine + apart_;
        if (mine > now) {
            co_await sleep_for(mine - now);
        }
    }

    void hold(std::chrono::milliseconds pause) override {
        next_ = std::max(next_, Clock::now() + pause);
    }

  private:
    std::string label_;
    Clock::duration apart_;
    Clock::time_point next_ = Clock::time_point::min();
};

} // namespace

std::shared_ptr<RateGate> make_local_gate(std::string label, std::uint64_t calls_per_second) {
    return std::make_shared<LocalGate>(std::move(label), calls_per_second);
}

} // namespace mr::rest
