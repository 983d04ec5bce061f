#include "worker/pipeline/concurrency.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <tuple>
#include <utility>

namespace mr {
namespace {

namespace asio = boost::asio;
using asio::experimental::make_parallel_group;

[[noreturn]] void throw_cancelled() {
    throw boost::system::system_error(asio::error::operation_aborted);
}

bool is_cancellation(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const boost::system::system_error& failure) {
        return failure.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

// The exception that caused the others: a cancelled sibling is only an echo of it.
std::exception_ptr first_cause(const std::vector<std::exception_ptr>& errors,
                               const std::vector<std::size_t>& order) {
    std::exception_ptr echo;
    for (const std::size_t index : order) {
        if (errors[index] && !is_cancellation(errors[index])) {
            return errors[index];
        }
        if (errors[index] && !echo) {
            echo = errors[index];
        }
    }
    return echo;
}

} // namespace

Task<void> run_until(Task<void> work, SteadyTime deadline) {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, deadline);
    auto group = make_parallel_group(asio::co_spawn(executor, std::move(work), asio::deferred),
                                     timer.async_wait(asio::deferred));
    const auto ended =
        co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    const bool work_first = std::get<0>(ended)[0] == 0;
    const std::exception_ptr& error = std::get<1>(ended);
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
        throw_cancelled();
    }
    if (!error) {
        co_return;
    }
    if (!work_first && is_cancellation(error)) {
        throw ProviderError(ProviderFault::timeout, "it took too long");
    }
    std::rethrow_exception(error);
}

Task<void> run_all(std::vector<Task<void>> works) {
    if (works.empty()) {
        co_return;
    }
    const auto executor = co_await asio::this_coro::executor;
    using Operation = decltype(asio::co_spawn(executor, std::move(works[0]), asio::deferred));
    std::vector<Operation> operations;
    operations.reserve(works.size());
    for (Task<void>& work : works) {
        operations.push_back(asio::co_spawn(executor, std::move(work), asio::deferred));
    }
    auto group = make_parallel_group(std::move(operations));
    const auto ended =
        co_await group.async_wait(asio::experimental::wait_for_one_error(), asio::use_awaitable);
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
        throw_cancelled();
    }
    if (const std::exception_ptr error = first_cause(std::get<1>(ended), std::get<0>(ended))) {
        std::rethrow_exception(error);
    }
}

} // namespace mr
