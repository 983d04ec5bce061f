// The echo app end to end through a real Redis: every message comes back once, in order, with its
// bytes and opcode, whatever its size; also over many sessions, through a restart of Redis, and
// after the death of an owner.
#include "tests/unit/worker_support.h"
#include "worker/apps/echo.h"
#include "worker/log.h"

#include <random>

namespace mr::test {
namespace {

Apps echo_only() {
    Apps apps;
    apps["echo"] = echo_app();
    return apps;
}

struct Message {
    std::string bytes;
    MailKind kind;
};

Message random_message(std::mt19937_64& random) {
    // Small ones mostly; now and then up to 1 MiB.
    const size_t limits[] = {0, 1, 125, 126, 4096, 65536, 300'000, 1 << 20};
    const size_t limit = limits[random() % 8];
    Message message;
    message.bytes.resize(limit == 0 ? 0 : random() % (limit + 1));
    for (char& c : message.bytes) {
        c = static_cast<char>(random());
    }
    message.kind = random() % 2 == 0 ? MailKind::text : MailKind::binary;
    return message;
}

void expect_same(const Event& event, const Message& message) {
    EXPECT_TRUE(event.bytes == message.bytes) << "bytes differ, size " << event.bytes.size();
    EXPECT_EQ((event.flags & kEventBinary) != 0, message.kind == MailKind::binary);
    EXPECT_EQ(event.v1_length, 0u);
}

TEST(WorkerEcho, EveryMessageComesBackOnceWithItsBytesAndOpcode) {
    RedisFixture redis;
    WorkerProcess worker(redis, echo_only);
    TestSession session(redis, "echo");
    std::mt19937_64 random(1);
    for (int round = 0; round < 20; ++round) {
        std::vector<Message> sent;
        const size_t count = 1 + random() % 12;
        for (size_t i = 0; i < count; ++i) {
            sent.push_back(random_message(random));
            const MailStatus status = session.mail(sent.back().bytes, sent.back().kind);
            ASSERT_TRUE(status == MailStatus::rung || status == MailStatus::owned);
        }
        const auto events =
            session.read_until([&](const auto& have) { return have.size() >= count; });
        ASSERT_EQ(events.size(), count);
        for (size_t i = 0; i < count; ++i) {
            expect_same(events[i], sent[i]);
        }
        if (round % 4 == 0) {
            ASSERT_TRUE(session.wait_finished());
        }
    }
    EXPECT_TRUE(session.wait_finished());
    EXPECT_EQ(session.redis().call({"XLEN", session.keys().in_lane}).integer, 0);
    const auto log_kept_ms = session.redis().call({"PTTL", session.keys().out_lane}).integer;
    EXPECT_TRUE(log_kept_ms > 0 && log_kept_ms <= 30'000) << log_kept_ms;
    EXPECT_EQ(session.redis().call({"XLEN", session.keys().jobs}).integer, 0);
}

// Mail that arrives at every moment of giving a session up is never left lying.
TEST(WorkerEcho, NoWakeUpIsLostBetweenMailAndFinish) {
    RedisFixture redis;
    WorkerProcess one(redis, echo_only, {{"linger", {"1ms", "test"}}});
    WorkerProcess two(redis, echo_only, {{"linger", {"1ms", "test"}}});
    TestSession session(redis, "echo");
    std::mt19937_64 random(2);
    for (int i = 0; i < 1500; ++i) {
        const std::string text = "message " + std::to_string(i);
        session.mail(text);
        const auto events = session.read_until([](const auto& have) { return !have.empty(); },
                                               std::chrono::seconds(4));
        ASSERT_EQ(events.size(), 1u) << "after message " << i;
        ASSERT_EQ(events[0].bytes, text);
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    }
}

TEST(WorkerEcho, ManySessionsOverTwoWorkersStayApart) {
    RedisFixture redis;
    WorkerProcess one(redis, echo_only);
    WorkerProcess two(redis, echo_only);
    std::vector<std::unique_ptr<TestSession>> sessions;
    for (int i = 0; i < 200; ++i) {
        sessions.push_back(std::make_unique<TestSession>(redis, "echo"));
        sessions.back()->mail("first of " + sessions.back()->id());
    }
    for (auto& session : sessions) {
        session->mail("second of " + session->id());
    }
    for (auto& session : sessions) {
        const auto events = session->read_until([](const auto& have) { return have.size() >= 2; });
        ASSERT_EQ(events.size(), 2u);
        EXPECT_EQ(events[0].bytes, "first of " + session->id());
        EXPECT_EQ(events[1].bytes, "second of " + session->id());
    }
    for (auto& session : sessions) {
        EXPECT_TRUE(session->wait_finished());
    }
}

TEST(WorkerEcho, SurvivesACrashOfRedisThatKeepsItsLog) {
    RedisFixture redis({"--appendonly", "yes", "--appendfsync", "always"});
    WorkerProcess worker(redis, echo_only);
    auto session = std::make_unique<TestSession>(redis, "echo");
    session->mail("before");
    ASSERT_EQ(session->read().size() + session->read(std::chrono::milliseconds(200)).size(), 1u);
    redis.kill_hard();
    redis.start();
    TestSession after(redis, "echo");
    // No lease is valid by Redis's clock for a moment; the mail waits for the next one.
    ASSERT_TRUE(TestSession::wait([&] { return static_cast<int>(after.mail("after")) > 0; },
                                  std::chrono::seconds(10)));
    const auto events = after.read_until([](const auto& have) { return !have.empty(); });
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events[0].bytes, "after");
}

TEST(WorkerEcho, AnotherWorkerTakesOverWhenTheOwnerIsKilled) {
    RedisFixture redis;
    auto first = std::make_unique<WorkerProcess>(redis, echo_only);
    TestSession session(redis, "echo");
    session.mail("one");
    ASSERT_EQ(session.read_until([](const auto& have) { return !have.empty(); }).size(), 1u);
    first->signal(SIGSTOP);
    session.mail("two"); // the owner still has its lease, but it sleeps
    WorkerProcess second(redis, echo_only);
    first->end(SIGKILL);
    const auto events = session.read_until([](const auto& have) { return !have.empty(); });
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].bytes, "two");
}

// The owner sleeps beyond its lease and wakes up with mail in hand: nothing it says is heard.
TEST(WorkerEcho, AFrozenOwnerThatWakesUpIsFenced) {
    RedisFixture redis;
    WorkerProcess first(redis, echo_only, {{"linger", {"10s", "test"}}});
    TestSession session(redis, "echo");
    session.mail("one");
    ASSERT_EQ(session.read_until([](const auto& have) { return !have.empty(); }).size(), 1u);
    WorkerProcess second(redis, echo_only, {{"linger", {"10s", "test"}}});
    first.signal(SIGSTOP);
    session.mail("two");
    const auto events = session.read_until([](const auto& have) { return !have.empty(); });
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].bytes, "two");
    first.signal(SIGCONT);
    for (int i = 0; i < 50; ++i) {
        const std::string text = "later " + std::to_string(i);
        session.mail(text);
        const auto more = session.read_until([](const auto& have) { return !have.empty(); });
        ASSERT_EQ(more.size(), 1u);
        EXPECT_EQ(more[0].bytes, text);
    }
    EXPECT_EQ(session.attempts().size(), 2u) << "two owners, two takeover records";
}

TEST(WorkerEcho, TermHandsNothingLeftAndExitsCleanly) {
    RedisFixture redis;
    WorkerProcess first(redis, echo_only, {{"linger", {"10s", "test"}}, {"drain", {"0s", "test"}}});
    TestSession session(redis, "echo");
    session.mail("one");
    ASSERT_EQ(session.read_until([](const auto& have) { return !have.empty(); }).size(), 1u);
    WorkerProcess second(redis, echo_only);
    EXPECT_EQ(first.end(SIGTERM), 0);
    session.mail("two");
    const auto events =
        session.read_until([](const auto& have) { return !have.empty(); }, std::chrono::seconds(5));
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].bytes, "two");
    EXPECT_TRUE(session.wait_finished());
}

} // namespace
} // namespace mr::test
