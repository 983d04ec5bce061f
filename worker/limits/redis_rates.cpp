#include "worker/limits/redis_rates.h"

#include "shared/keys.h"
#include "worker/log.h"
#include "worker/metrics/meters.h"
#include "worker/redis/rate_script.h"
#include "worker/redis/scripts.h"

#include <utility>

namespace mr {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

redis::ScriptCall rate_call(const rest::Account& account, const rest::Rate& rate,
                            std::string_view op, microseconds time) {
    redis::ScriptCall call(redis::kRateScript);
    call.add(rate_key(account.provider, account.id).view()).add(op);
    call.add(static_cast<uint64_t>(rate.apart().count()));
    call.add(static_cast<uint64_t>(rate.ahead().count()));
    call.add(static_cast<uint64_t>(time.count()));
    return call;
}

} // namespace

void RedisRates::bind(std::shared_ptr<redis::Connection> commands) {
    commands_ = std::move(commands);
    alone_ = false;
    metrics::meters().rates_shared.at({}).set(1);
}

Task<std::optional<rest::Place>> RedisRates::take(const rest::Account& account,
                                                  const rest::Rate& rate, microseconds longest,
                                                  bool again) {
    const auto self = shared_from_this();
    if (!commands_ || Clock::now() < ask_again_) {
        co_return std::nullopt;
    }
    const auto commands = commands_;
    redis::ScriptCall call = rate_call(account, rate, again ? "again" : "take", longest);
    redis::Value reply;
    try {
        reply = co_await redis::run_script(*commands, std::move(call));
    } catch (const redis::Error& error) {
        away(error.what());
        co_return std::nullopt;
    }
    if (reply.type != ReplyType::integer) {
        away(reply.text);
        co_return std::nullopt;
    }
    back();
    rest::Place place;
    place.refused = reply.integer < 0;
    place.wait = microseconds(place.refused ? -reply.integer : reply.integer);
    co_return place;
}

// Nobody waits for it. A pause that does not arrive is kept by this worker alone.
void RedisRates::hold(const rest::Account& account, const rest::Rate& rate,
                      std::chrono::milliseconds pause) {
    if (!commands_) {
        return;
    }
    redis::Commands commands;
    rate_call(account, rate, "hold", pause).append_to(commands);
    commands_->send_encoded(commands, [self = shared_from_this()](const redis::Answer& answer) {
        if (!answer.ok()) {
            log::debug(
                "a pause of an account is kept by this worker alone",
                {{"cause", answer.reply == nullptr ? "redis is away" : answer.reply->text()}});
        }
    });
}

void RedisRates::away(std::string_view cause) {
    ask_again_ = Clock::now() + kRatesAlone;
    metrics::meters().rates_shared.at({}).set(0);
    if (!std::exchange(alone_, true)) {
        log::warn("limits of accounts are kept by this worker alone", {{"cause", cause}});
    }
}

void RedisRates::back() {
    metrics::meters().rates_shared.at({}).set(1);
    if (std::exchange(alone_, false)) {
        log::info("limits of accounts are kept with all workers again");
    }
}

} // namespace mr
