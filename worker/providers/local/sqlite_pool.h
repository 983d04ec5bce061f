// A few threads that run blocking SQLite work for coroutines, each job on a connection of its own.
// A job is interrupted when its deadline passes or its coroutine is cancelled. Knows no SQL. The
// loops of all callers outlive the pool.
#pragma once

#include "worker/data/demo_database.h"
#include "worker/providers/interfaces.h"

#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace mr::local {

// The flavour of a connection: full is for our own SQL; the others are guarded (tools/sql_guard.h).
enum class Access : unsigned char { full, guarded, scoped };

class SqlitePool {
  public:
    SqlitePool(DemoDatabase database, unsigned threads);
    ~SqlitePool(); // waits for running jobs; those that wait are dropped

    // Runs `job` on a pool thread and gives its result. What the job captures by reference must
    // live in the caller's frame: the call ends only after the job has. Errors of SQLite become
    // ProviderError unless the job threw one itself.
    template <typename T>
    Task<T> run(Access access, std::function<T(sqlite::Database&)> job, SteadyTime deadline) {
        std::optional<T> result;
        std::function<void(sqlite::Database&)> work = [&](sqlite::Database& database) {
            result.emplace(job(database));
        };
        co_await run_job(access, std::move(work), deadline);
        co_return std::move(*result);
    }

  private:
    class State;
    Task<void> run_job(Access access, std::function<void(sqlite::Database&)> work,
                       SteadyTime deadline);

    std::unique_ptr<State> state_;
};

} // namespace mr::local
