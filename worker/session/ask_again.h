// One command of a session, asked again until Redis has answered it: for what must be known before
// anything can go on, and may be asked twice.
#pragma once

#include "worker/redis/connection.h"

#include <functional>
#include <memory>
#include <optional>

namespace mr {

// Null: `going_on` has become false. It is asked before every attempt and behind every answer; an
// error of Redis is none.
boost::asio::awaitable<std::optional<redis::Value>>
ask_until_answered(std::shared_ptr<redis::Connection> connection, redis::Commands command,
                   std::function<bool()> going_on);

} // namespace mr
