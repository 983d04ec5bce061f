// The connection to Redis: pipelining, deadlines, failures, reconnects, scripts; subscriptions that
// survive all of that; the refusals of a Redis that wants a password.
#include "tests/unit/worker_loop.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

namespace mr::test {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

class WorkerRedis : public testing::Test {
  protected:
    WorkerRedis() { log::set_level(log::Level::error); }
    ~WorkerRedis() override { log::set_level(log::Level::info); }

    std::shared_ptr<redis::Connection> connect(const RedisFixture& redis) {
        auto connection = redis::Connection::make(loop_.executor(), link_to(redis, "test"));
        connection->start();
        return connection;
    }

    // Which nothing but a word from outside makes look at its answers.
    std::shared_ptr<redis::Connection> connect_patient(const RedisFixture& redis) {
        redis::LinkOptions options = link_to(redis, "patient");
        options.quiet_for = std::chrono::hours(1);
        auto connection = redis::Connection::make(loop_.executor(), std::move(options));
        connection->start();
        return connection;
    }

    Loop loop_;
};

asio::awaitable<redis::Value> run(redis::Connection& connection, std::vector<std::string> words) {
    const std::vector<std::string_view> views(words.begin(), words.end());
    redis::Commands command;
    command.add(views);
    redis::Value value = co_await connection.run(command);
    co_return value;
}

TEST_F(WorkerRedis, RepliesComeInOrderWhateverTheirSize) {
    RedisFixture redis;
    auto connection = connect(redis);
    loop_.run([](redis::Connection& link) -> asio::awaitable<void> {
        co_await link.wait_ready(std::chrono::seconds(5));
        std::vector<std::string> sent;
        redis::Commands commands;
        for (size_t i = 0; i < 300; ++i) {
            sent.push_back(std::string(i * i * 7 % 60000, static_cast<char>('a' + i % 26)));
            const std::string_view echo[] = {"ECHO", sent.back()};
            commands.add(echo);
        }
        const std::vector<redis::Value> replies = co_await link.run_all(commands);
        EXPECT_EQ(replies.size(), sent.size());
        for (size_t i = 0; i < sent.size() && i < replies.size(); ++i) {
            EXPECT_EQ(replies[i].text, sent[i]);
        }
    }(*connection));
    connection->close();
}

struct Sink final : redis::AnswerSink {
    void answered(uint64_t tag, const redis::Answer& answer) override {
        tags.push_back(tag);
        failures += answer.failure != redis::Failure::none;
    }
    std::vector<uint64_t> tags;
    size_t failures = 0;
};

TEST_F(WorkerRedis, ASinkIsToldEachAnswerByItsTag) {
    RedisFixture redis;
    auto connection = connect(redis);
    const auto sink = std::make_shared<Sink>();
    loop_.run([](redis::Connection& link, std::shared_ptr<Sink> told) -> asio::awaitable<void> {
        co_await link.wait_ready(std::chrono::seconds(5));
        const std::string_view ping[] = {"PING"};
        link.send(ping, told, 7);
        link.send(ping, {});
        link.send(ping, told, 9);
        co_await test::until([&told] { return told->tags.size() == 2; });
        EXPECT_EQ(told->failures, 0u);
        link.close();
        link.send(ping, told, 11);
        EXPECT_EQ(told->tags.size(), 2u); // never from inside send()
        co_await test::until([&told] { return told->tags.size() == 3; });
    }(*connection, sink));
    EXPECT_EQ(sink->tags, (std::vector<uint64_t>{7, 9, 11}));
    EXPECT_EQ(sink->failures, 1u);
}

constexpr std::string_view kPush[] = {"RPUSH", "list", "x"};

// Until Redis has sent its answer to the push that makes them so many.
asio::awaitable<void> pushed(redis::Connection& beside, int64_t count) {
    while ((co_await run(beside, {"LLEN", "list"})).integer != count) {
    }
    co_await run(beside, {"PING"}); // what came with it has been handed out
}

TEST_F(WorkerRedis, AnswersThatNobodyWaitsForWakeNobody) {
    RedisFixture redis;
    const auto patient = connect_patient(redis);
    const auto other = connect(redis);
    const auto sink = std::make_shared<Sink>();
    loop_.run([](redis::Connection& quiet, redis::Connection& beside,
                 std::shared_ptr<Sink> told) -> asio::awaitable<void> {
        co_await quiet.wait_ready(std::chrono::seconds(5));
        co_await beside.wait_ready(std::chrono::seconds(5));
        quiet.send(kPush, told, 1);
        co_await pushed(beside, 1);
        EXPECT_TRUE(told->tags.empty());
        quiet.take_answers();
        EXPECT_EQ(told->tags, (std::vector<uint64_t>{1}));

        quiet.send(kPush, told, 2);
        co_await pushed(beside, 2);
        EXPECT_EQ(told->tags.size(), 1u);
        quiet.hurry();
        co_await test::until([&told] { return told->tags.size() == 2; });

        quiet.send(kPush, told, 3);
        co_await pushed(beside, 3);
        EXPECT_EQ(told->tags.size(), 2u);
        co_await run(quiet, {"PING"}); // whoever waits for one has all in front of it
        EXPECT_EQ(told->tags, (std::vector<uint64_t>{1, 2, 3}));
        EXPECT_EQ(told->failures, 0u);
    }(*patient, *other, sink));
    patient->close();
    other->close();
}

TEST_F(WorkerRedis, APatientConnectionIsToldOfItsEnd) {
    RedisFixture redis;
    const auto patient = connect_patient(redis);
    const auto other = connect(redis);
    const auto sink = std::make_shared<Sink>();
    loop_.run([](redis::Connection& quiet, redis::Connection& beside, RedisFixture& server,
                 std::shared_ptr<Sink> told) -> asio::awaitable<void> {
        co_await quiet.wait_ready(std::chrono::seconds(5));
        co_await beside.wait_ready(std::chrono::seconds(5));
        quiet.send(kPush, told, 1);
        co_await pushed(beside, 1);
        EXPECT_TRUE(told->tags.empty());
        server.kill_hard();
        co_await test::until([&quiet] { return !quiet.ready(); });
        EXPECT_EQ(told->tags, (std::vector<uint64_t>{1})); // it had been answered
        EXPECT_EQ(told->failures, 0u);
    }(*patient, *other, redis, sink));
    patient->close();
    other->close();
}

TEST_F(WorkerRedis, ASinkIsToldAfterAWhileWhenNothingElseHappens) {
    RedisFixture redis;
    const auto connection = connect(redis);
    const auto sink = std::make_shared<Sink>();
    loop_.run([](redis::Connection& link, std::shared_ptr<Sink> told) -> asio::awaitable<void> {
        co_await link.wait_ready(std::chrono::seconds(5));
        const std::string_view ping[] = {"PING"};
        link.send(ping, told, 1);
        co_await test::until([&told] { return !told->tags.empty(); });
    }(*connection, sink));
    connection->close();
}

TEST_F(WorkerRedis, ErrorRepliesAreValues) {
    RedisFixture redis;
    auto connection = connect(redis);
    loop_.run([](redis::Connection& link) -> asio::awaitable<void> {
        co_await link.wait_ready(std::chrono::seconds(5));
        const redis::Value value = co_await run(link, {"NOSUCHCOMMAND"});
        EXPECT_TRUE(value.is_error());
        const redis::Value good = co_await run(link, {"PING"});
        EXPECT_EQ(good.text, "PONG");
    }(*connection));
    connection->close();
}

TEST_F(WorkerRedis, WithoutAConnectionCommandsFailAtOnce) {
    RedisFixture redis;
    auto connection = connect(redis);
    loop_.run([](redis::Connection& link, RedisFixture& server) -> asio::awaitable<void> {
        co_await link.wait_ready(std::chrono::seconds(5));
        server.kill_hard();
        redis::Failure failure = redis::Failure::none;
        for (int i = 0; i < 2; ++i) {
            try {
                co_await run(link, {"PING"});
            } catch (const redis::Error& error) {
                failure = error.failure();
            }
        }
        EXPECT_EQ(failure, redis::Failure::not_connected);
        server.start();
        co_await link.wait_ready(std::chrono::seconds(10));
        const redis::Value good = co_await run(link, {"PING"});
        EXPECT_EQ(good.text, "PONG");
    }(*connection, redis));
    connection->close();
}

TEST_F(WorkerRedis, AStalledRedisIsNoticedWithinTheDeadline) {
    RedisFixture redis;
    auto connection = connect(redis);
    loop_.run([](redis::Connection& link, const RedisFixture& server) -> asio::awaitable<void> {
        co_await link.wait_ready(std::chrono::seconds(5));
        kill(server.pid(), SIGSTOP);
        redis::Failure failure = redis::Failure::none;
        redis::Commands command;
        command.add({"PING"});
        try {
            co_await link.run(command, milliseconds(200));
        } catch (const redis::Error& error) {
            failure = error.failure();
        }
        EXPECT_EQ(failure, redis::Failure::timed_out);
        kill(server.pid(), SIGCONT);
        co_await link.wait_ready(std::chrono::seconds(10));
        const redis::Value good = co_await run(link, {"PING"});
        EXPECT_EQ(good.text, "PONG");
    }(*connection, redis));
    connection->close();
}

TEST_F(WorkerRedis, ACancelledWaitLeavesTheRepliesInOrder) {
    RedisFixture redis;
    auto connection = connect(redis);
    loop_.run([](redis::Connection& link, Loop& loop) -> asio::awaitable<void> {
        co_await link.wait_ready(std::chrono::seconds(5));
        asio::cancellation_signal cancellation;
        bool aborted = false;
        auto handler = [&aborted](std::exception_ptr error, redis::Value) {
            aborted = error != nullptr;
        };
        asio::co_spawn(loop.context, run(link, {"BLPOP", "nothing", "0.2"}),
                       asio::bind_cancellation_slot(cancellation.slot(), handler));
        co_await sleep_for(milliseconds(20));
        cancellation.emit(asio::cancellation_type::terminal);
        const redis::Value next = co_await run(link, {"ECHO", "next"});
        EXPECT_TRUE(aborted);
        EXPECT_EQ(next.text, "next");
    }(*connection, loop_));
    connection->close();
}

TEST_F(WorkerRedis, AForgottenScriptIsLoadedAgain) {
    RedisFixture redis;
    auto connection = connect(redis);
    loop_.run([](redis::Connection& link) -> asio::awaitable<void> {
        co_await link.wait_ready(std::chrono::seconds(5));
        for (int i = 0; i < 2; ++i) {
            redis::ScriptCall call(kLeaseScript);
            call.add("mr:{p00}:w").add("worker").add(uint64_t{5000}).add("1");
            const redis::Value reply = co_await redis::run_script(link, std::move(call));
            EXPECT_EQ(reply.integer, 1);
            co_await run(link, {"SCRIPT", "FLUSH"});
        }
    }(*connection));
    connection->close();
}

TEST_F(WorkerRedis, AuthenticatesAndSelectsADatabase) {
    RedisFixture redis;
    RawRedis(redis.socket_path()).call({"CONFIG", "SET", "requirepass", "sesame"});
    redis::LinkOptions options = link_to(redis, "test");
    const std::string url = redis.url() + "?password=sesame&db=3";
    ASSERT_EQ(parse_redis_url(url, options.url), nullptr);
    auto connection = redis::Connection::make(loop_.executor(), options);
    connection->start();
    loop_.run([](redis::Connection& link) -> asio::awaitable<void> {
        co_await link.wait_ready(std::chrono::seconds(5));
        const redis::Value info = co_await run(link, {"CLIENT", "INFO"});
        EXPECT_NE(info.text.find("db=3"), std::string::npos) << info.text;
        EXPECT_NE(info.text.find("name=test:test"), std::string::npos) << info.text;
    }(*connection));
    connection->close();

    redis::LinkOptions wrong = link_to(redis, "test");
    auto refused = redis::Connection::make(loop_.executor(), wrong);
    refused->start();
    EXPECT_THROW(loop_.run(refused->wait_ready(milliseconds(300))), redis::Error);
    refused->close();
}

struct Listener final : redis::ChannelListener {
    int confirmed = 0;
    std::vector<std::string> heard;

    void subscribed() override { ++confirmed; }
    void published(std::string_view message) override { heard.emplace_back(message); }
};

asio::awaitable<void> until(const std::function<bool()>& condition) {
    for (int i = 0; i < 2000 && !condition(); ++i) {
        co_await sleep_for(milliseconds(5));
    }
    EXPECT_TRUE(condition());
}

TEST_F(WorkerRedis, SubscriptionsComeBackAfterABreak) {
    RedisFixture redis;
    auto connection = connect(redis);
    auto subscriber = redis::Subscriber::make(loop_.executor(), link_to(redis, "subscriber"));
    subscriber->start();
    loop_.run([](redis::Connection& link, redis::Subscriber& channels) -> asio::awaitable<void> {
        co_await link.wait_ready(std::chrono::seconds(5));
        co_await channels.wait_ready(std::chrono::seconds(5));
        const PartitionMap partitions;
        std::vector<Listener> listeners(1200);
        std::vector<KeyText> names;
        for (Listener& listener : listeners) {
            const SessionKeys keys(partitions, random_uuid());
            names.push_back(keys.in_channel);
            channels.follow(names.back().view(), &listener);
        }
        const auto all_confirmed = [&listeners](int times) {
            for (const Listener& listener : listeners) {
                if (listener.confirmed < times) {
                    return false;
                }
            }
            return true;
        };
        co_await until([&] { return all_confirmed(1); });
        co_await run(link, {"CLIENT", "KILL", "TYPE", "pubsub"});
        co_await until([&] { return all_confirmed(2); });
        for (size_t i = 0; i < listeners.size(); ++i) {
            co_await run(link, {"SPUBLISH", std::string(names[i].view()), std::to_string(i)});
        }
        co_await until([&] { return listeners.back().heard.size() == 1; });
        for (size_t i = 0; i < listeners.size(); ++i) {
            EXPECT_EQ(listeners[i].heard, std::vector<std::string>{std::to_string(i)});
            channels.leave(names[i].view(), &listeners[i]);
        }
        EXPECT_EQ(channels.channels(), 0u);
        // Left and followed again at once: confirmed for the new listener.
        Listener again;
        Listener before;
        channels.follow(names[0].view(), &before);
        channels.leave(names[0].view(), &before);
        channels.follow(names[0].view(), &again);
        co_await until([&] { return again.confirmed >= 2; });
        co_await run(link, {"SPUBLISH", std::string(names[0].view()), "hello"});
        co_await until([&] { return again.heard.size() == 1; });
        channels.leave(names[0].view(), &again);
    }(*connection, *subscriber));
    connection->close();
    subscriber->close();
}

TEST_F(WorkerRedis, ASilentSubscriptionIsGivenUpAndRenewed) {
    RedisFixture redis;
    auto subscriber = redis::Subscriber::make(loop_.executor(), link_to(redis, "subscriber"));
    subscriber->start();
    loop_.run([](redis::Subscriber& channels, const RedisFixture& server) -> asio::awaitable<void> {
        co_await channels.wait_ready(std::chrono::seconds(5));
        Listener listener;
        channels.follow("mr:{p00}:ic:x", &listener);
        co_await until([&] { return listener.confirmed == 1; });
        kill(server.pid(), SIGSTOP);
        co_await until([&] { return !channels.ready(); });
        kill(server.pid(), SIGCONT);
        co_await until([&] { return listener.confirmed == 2; });
        channels.leave("mr:{p00}:ic:x", &listener);
    }(*subscriber, redis));
    subscriber->close();
}

} // namespace
} // namespace mr::test
