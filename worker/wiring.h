// Puts the worker together and runs it: connections, lease, intake, sessions, apps, signals. Owns
// the event loop and the order of start and stop; decides nothing about sessions.
#pragma once

#include "worker/apps/app.h"
#include "worker/limits/redis_rates.h"
#include "worker/settings.h"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace mr {

using Apps = std::map<std::string, AppFactory>;

// Serves `apps` until told to stop by SIGTERM or SIGINT. Returns the exit code. `after_loop` is
// called when nothing runs any more but the event loop still exists: the place to end threads that
// post to it. `rates` is bound to a connection meanwhile; may be null.
int run_worker(const Settings& settings, Apps apps, const std::function<void()>& after_loop = {},
               std::shared_ptr<RedisRates> rates = nullptr);

} // namespace mr
