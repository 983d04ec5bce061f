#include "worker/providers/rest/rate_gate.h"

#include "worker/async.h"
#include "worker/encoding.h"
#include "worker/log.h"
#include "worker/metrics/meters.h"

#include <openssl/sha.h>

#include <algorithm>
#include <span>
#include <utility>

namespace mr::rest {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t kAccountIdBytes = 8;

microseconds left_of(const CallContext& call) {
    const auto left = std::chrono::duration_cast<microseconds>(call.deadline - Clock::now());
    return std::max(left, microseconds(0));
}

[[noreturn]] void refuse(const Account& account, microseconds wait) {
    metrics::meters().rate_refused.at({account.provider}).add();
    log::warn("a call's turn would come too late for it, it is not made",
              {{"provider", account.provider},
               {"wait_ms", std::chrono::duration_cast<milliseconds>(wait).count()}});
    throw ProviderError(ProviderFault::rate_limited,
                        "too many calls wait for " + account.label + " at the moment");
}

void count_wait(const Account& account, Clock::time_point since) {
    metrics::meters().rate_wait.at({account.provider}).observe(metrics::seconds_since(since));
}

class LocalGate final : public RateGate {
  public:
    LocalGate(Account account, Rate rate) : account_(std::move(account)), rate_(rate) {}

    Task<void> admit(const CallContext& call) override {
        const Clock::time_point began = Clock::now();
        const Place place = queue_.take(now(), rate_, left_of(call));
        if (place.refused) {
            refuse(account_, place.wait);
        }
        if (place.wait > microseconds(0)) {
            co_await sleep_for(place.wait);
        }
        count_wait(account_, began);
    }

    void hold(milliseconds pause) override { queue_.hold(now(), rate_, std::min(pause, kMaxHold)); }

  private:
    static std::int64_t now() {
        return std::chrono::duration_cast<microseconds>(Clock::now().time_since_epoch()).count();
    }

    Account account_;
    Rate rate_;
    Queue queue_;
};

class SharedGate final : public RateGate {
  public:
    SharedGate(std::shared_ptr<RateStore> store, Account account, Rate rate)
        : store_(std::move(store)), account_(std::move(account)), rate_(rate),
          alone_(account_, rate) {}

    Task<void> admit(const CallContext& call) override {
        const Clock::time_point began = Clock::now();
        for (bool again = false;; again = true) {
            const std::optional<Place> place =
                co_await store_->take(account_, rate_, left_of(call), again);
            if (!place && !again) {
                co_await alone_.admit(call);
                co_return;
            }
            if (place && place->refused) {
                refuse(account_, place->wait);
            }
            if (!place || place->wait == microseconds(0)) {
                break;
            }
            co_await sleep_for(place->wait);
        }
        count_wait(account_, began);
    }

    void hold(milliseconds pause) override {
        store_->hold(account_, rate_, std::min(pause, kMaxHold));
        alone_.hold(pause);
    }

  private:
    std::shared_ptr<RateStore> store_;
    Account account_;
    Rate rate_;
    LocalGate alone_; // while the store is away
};

} // namespace

std::string account_id(std::string_view key) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest);
    return hex_of(std::span(digest).first(kAccountIdBytes));
}

std::shared_ptr<RateGate> make_gate(std::shared_ptr<RateStore> store, Account account, Rate rate) {
    if (rate.calls == 0) {
        return nullptr;
    }
    if (!store) {
        return std::make_shared<LocalGate>(std::move(account), rate);
    }
    return std::make_shared<SharedGate>(std::move(store), std::move(account), rate);
}

std::shared_ptr<RateGate> make_local_gate(std::string label, std::uint64_t calls_per_second) {
    Account account{label, label, ""};
    return make_gate(nullptr, std::move(account), per_second(calls_per_second));
}

} // namespace mr::rest
