// Runs coroutines of a test on an event loop of its own, against one Redis: connections, lease and
// flusher of one worker incarnation, in this process.
#pragma once

#include "tests/unit/worker_support.h"
#include "worker/session/sessions.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace mr::test {

inline redis::LinkOptions link_to(const RedisFixture& redis, const std::string& role) {
    redis::LinkOptions options;
    EXPECT_EQ(parse_redis_url(redis.url(), options.url), nullptr);
    options.client_name = "test:" + role;
    options.role = role;
    options.load_scripts = true;
    return options;
}

class Loop {
  public:
    // Runs until the coroutine has ended; rethrows what it threw.
    void run(boost::asio::awaitable<void> work,
             std::chrono::milliseconds limit = std::chrono::seconds(30)) {
        bool done = false;
        std::exception_ptr failure;
        boost::asio::co_spawn(context, std::move(work), [&](std::exception_ptr error) {
            done = true;
            failure = error;
        });
        context.restart();
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!done && std::chrono::steady_clock::now() < end) {
            context.run_one_for(std::chrono::milliseconds(100));
        }
        ASSERT_TRUE(done) << "the coroutine did not end";
        if (failure) {
            std::rethrow_exception(failure);
        }
    }
    boost::asio::any_io_executor executor() { return context.get_executor(); }

    boost::asio::io_context context{1};
};

// Looks at it every 2 ms, for 10 s at most; the test has failed if it does not come true.
inline boost::asio::awaitable<void> until(std::function<bool()> condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition() && std::chrono::steady_clock::now() < end) {
        co_await sleep_for(std::chrono::milliseconds(2));
    }
    EXPECT_TRUE(condition());
}

// The same for a condition that has to be asked for.
inline boost::asio::awaitable<void>
until_answered(std::function<boost::asio::awaitable<bool>()> condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    bool come_true = co_await condition();
    while (!come_true && std::chrono::steady_clock::now() < end) {
        co_await sleep_for(std::chrono::milliseconds(2));
        come_true = co_await condition();
    }
    EXPECT_TRUE(come_true);
}

// One worker incarnation without intake.
struct Incarnation {
    Incarnation(Loop& loop, const RedisFixture& redis, std::chrono::milliseconds lease_time)
        : commands(redis::Connection::make(loop.executor(), link_to(redis, "commands"))),
          subscriptions(redis::Subscriber::make(loop.executor(), link_to(redis, "subscriptions"))),
          lease(commands, partitions, "test", lease_time),
          relay{loop.executor(), commands,
                subscriptions,   partitions,
                lease,           Flusher::make(loop.executor(), commands, lease),
                SessionLimits(), DelayLine::make(loop.executor(), SessionLimits().text_window)} {
        relay.limits.lease = lease_time;
        commands->start();
        subscriptions->start();
    }
    ~Incarnation() {
        commands->close();
        subscriptions->close();
    }

    boost::asio::awaitable<void> begin(Loop& loop) {
        co_await commands->wait_ready(std::chrono::seconds(10));
        co_await subscriptions->wait_ready(std::chrono::seconds(10));
        boost::asio::co_spawn(loop.context, lease.run(loop.executor()),
                              [](const std::exception_ptr&) {});
        while (!lease.valid()) {
            co_await sleep_for(std::chrono::milliseconds(1));
        }
    }

    PartitionMap partitions;
    std::shared_ptr<redis::Connection> commands;
    std::shared_ptr<redis::Subscriber> subscriptions;
    Lease lease;
    Relay relay;
};

} // namespace mr::test
