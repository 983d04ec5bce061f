#include "worker/providers/local/sqlite_pool.h"

#include "worker/tools/sql_guard.h"

#include <array>
#include <atomic>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <mutex>
#include <vector>

namespace mr::local {

namespace asio = boost::asio;

class SqlitePool::State {
  public:
    State(DemoDatabase database, unsigned threads)
        : database_(std::move(database)), threads_(threads) {}

    asio::thread_pool& threads() noexcept { return threads_; }

    // An idle connection of this flavour, or a new one: never more than there are threads.
    sqlite::Database take(Access access) {
        {
            const std::scoped_lock lock(mutex_);
            auto& idle = idle_[static_cast<std::size_t>(access)];
            if (!idle.empty()) {
                sqlite::Database connection = std::move(idle.back());
                idle.pop_back();
                return connection;
            }
        }
        sqlite::Database connection = database_.connect();
        if (access != Access::full) {
            guard_connection(connection, access == Access::scoped);
        }
        return connection;
    }

    void give_back(Access access, sqlite::Database connection) {
        connection.set_deadline(std::nullopt);
        connection.set_watch({});
        const std::scoped_lock lock(mutex_);
        idle_[static_cast<std::size_t>(access)].push_back(std::move(connection));
    }

  private:
    DemoDatabase database_;
    std::mutex mutex_;
    std::array<std::vector<sqlite::Database>, 3> idle_;
    asio::thread_pool threads_; // joined first
};

namespace {

// Written by the loop's thread, read by the pool's.
using CancelFlag = std::shared_ptr<std::atomic<bool>>;

[[noreturn]] void throw_cancelled() {
    throw boost::system::system_error(asio::error::operation_aborted);
}

ProviderError provider_error(const sqlite::Error& error) {
    if (error.interrupted()) {
        return {ProviderFault::timeout, "the query took too long"};
    }
    return {ProviderFault::unavailable, "the company data could not be read"};
}

} // namespace

SqlitePool::SqlitePool(DemoDatabase database, unsigned threads)
    : state_(std::make_unique<State>(std::move(database), threads)) {}

SqlitePool::~SqlitePool() {
    state_->threads().stop();
    state_->threads().join();
}

Task<void> SqlitePool::run_job(Access access, std::function<void(sqlite::Database&)> work,
                               SteadyTime deadline) {
    const auto cancelled = std::make_shared<std::atomic<bool>>(false);
    // Runs on a pool thread; what it throws is the operation's result.
    const std::function<void()> job = [this, access, deadline, cancelled, &work] {
        if (*cancelled) {
            throw_cancelled();
        }
        if (std::chrono::steady_clock::now() >= deadline) {
            throw ProviderError(ProviderFault::timeout, "the query had to wait too long");
        }
        sqlite::Database connection = state_->take(access);
        connection.set_deadline(deadline);
        connection.set_watch([cancelled] { return cancelled->load(); });
        try {
            work(connection);
        } catch (const sqlite::Error& error) {
            const ProviderError translated = provider_error(error);
            state_->give_back(access, std::move(connection));
            throw translated;
        } catch (const ProviderError&) {
            state_->give_back(access, std::move(connection));
            throw;
        }
        state_->give_back(access, std::move(connection));
    };
    const auto initiate = [this, cancelled, &job](auto handler) {
        auto executor = asio::get_associated_executor(handler);
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected()) {
            slot.assign([cancelled](asio::cancellation_type) { *cancelled = true; });
        }
        asio::post(state_->threads(), [&job, handler = std::move(handler),
                                       guard = asio::make_work_guard(executor)]() mutable {
            std::exception_ptr error;
            try {
                job();
            } catch (...) {
                error = std::current_exception();
            }
            // The guard goes home too: whoever waits may end its loop once the handler has run.
            const auto home = guard.get_executor();
            asio::post(home,
                       [handler = std::move(handler), guard = std::move(guard), error]() mutable {
                           auto slot_to_clear = asio::get_associated_cancellation_slot(handler);
                           if (slot_to_clear.is_connected()) {
                               slot_to_clear.clear();
                           }
                           std::move(handler)(error);
                       });
        });
    };
    try {
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
            initiate, asio::use_awaitable);
    } catch (const ProviderError&) {
        if (*cancelled) { // the interruption is only the way the cancellation took
            throw_cancelled();
        }
        throw;
    }
    if (*cancelled) {
        throw_cancelled();
    }
}

} // namespace mr::local
