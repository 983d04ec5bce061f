#include "worker/session/ask_again.h"

#include "worker/async.h"

#include <utility>

namespace mr {

namespace asio = boost::asio;

namespace {
constexpr std::chrono::milliseconds kRetry{50};
} // namespace

asio::awaitable<std::optional<redis::Value>>
ask_until_answered(std::shared_ptr<redis::Connection> connection, redis::Commands command,
                   std::function<bool()> going_on) {
    while (going_on()) {
        std::optional<redis::Value> reply;
        try {
            reply = co_await connection->run(command);
        } catch (const redis::Error&) {
            reply.reset();
        }
        if (!going_on()) {
            break;
        }
        if (reply && !reply->is_error()) {
            co_return reply;
        }
        co_await sleep_for(kRetry);
    }
    co_return std::nullopt;
}

} // namespace mr
