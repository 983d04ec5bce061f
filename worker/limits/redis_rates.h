// The queues of accounts in Redis: mr:rate:<provider>:<account>. Made before the connection, which
// the worker's wiring owns, and bound to it for as long as it lives; unbound, or while Redis is
// away, it says so once and leaves each gate to itself.
#pragma once

#include "worker/providers/rest/rate_gate.h"
#include "worker/redis/connection.h"

#include <chrono>
#include <memory>
#include <string_view>

namespace mr {

// After a failure nobody is made to wait for Redis for so long.
inline constexpr std::chrono::milliseconds kRatesAlone{1'000};

class RedisRates final : public rest::RateStore, public std::enable_shared_from_this<RedisRates> {
  public:
    void bind(std::shared_ptr<redis::Connection> commands);
    void unbind() { commands_.reset(); } // before the event loop goes

    Task<std::optional<rest::Place>> take(const rest::Account& account, const rest::Rate& rate,
                                          std::chrono::microseconds longest, bool again) override;
    void hold(const rest::Account& account, const rest::Rate& rate,
              std::chrono::milliseconds pause) override;

  private:
    void away(std::string_view cause);
    void back();

    std::shared_ptr<redis::Connection> commands_;
    std::chrono::steady_clock::time_point ask_again_{};
    bool alone_ = false;
};

} // namespace mr
