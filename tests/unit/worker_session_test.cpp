// The parts of an owned session against a real Redis: the lease and its end, the out lane under
// every kind of refusal, the mailbox under gaps, two incarnations that claim the same session.
#include "tests/unit/worker_loop.h"
#include "worker/apps/echo.h"
#include "worker/metrics/meters.h"

#include <random>

namespace mr::test {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr int kEvents = 4000;

constexpr std::string_view kMail = "hello";
constexpr size_t kMailInLaneBytes = kMailHeaderBytes + kMail.size();

class WorkerSession : public testing::Test {
  protected:
    WorkerSession() { log::set_level(log::Level::error); }
    ~WorkerSession() override { log::set_level(log::Level::info); }

    // A session with one mail, and its doorbell as this incarnation was given it.
    Doorbell rung(TestSession& session, const std::string& worker) {
        EXPECT_EQ(session.mail(kMail), MailStatus::rung);
        return session.doorbell(worker);
    }

    RedisFixture redis_;
    Loop loop_;
};

TEST_F(WorkerSession, ALapseByRedissWordEndsTheIncarnation) {
    metrics::OwnMeters meters;
    Incarnation worker(loop_, redis_, milliseconds(1000));
    RawRedis raw(redis_.socket_path());
    int lapses = 0;
    worker.lease.on_lapse = [&lapses] { ++lapses; };
    loop_.run(
        [](Incarnation& one, Loop& loop, RawRedis& redis, int& count) -> asio::awaitable<void> {
            co_await one.begin(loop);
            const std::string before = one.lease.worker();
            redis.call({"ZREM", lease_key(one.partitions.tag(5)).view(), before});
            co_await until([&] { return count == 1; });
            EXPECT_NE(one.lease.worker(), before);
            co_await until([&] { return one.lease.valid(); });
            // The old name holds no partition any more, the new one holds all.
            for (uint32_t i = 0; i < one.partitions.count(); ++i) {
                const KeyText key = lease_key(one.partitions.tag(i));
                EXPECT_TRUE(redis.call({"ZSCORE", key, before}).is_nil());
                EXPECT_FALSE(redis.call({"ZSCORE", key, one.lease.worker()}).is_nil());
            }
        }(worker, loop_, raw, lapses));
    EXPECT_EQ(meters->lease_lapses.at({}).value(), 1U);
}

TEST_F(WorkerSession, ByItsOwnClockTheLeaseEndsBeforeRedissDoes) {
    Incarnation worker(loop_, redis_, milliseconds(1000));
    loop_.run([](Incarnation& one, Loop& loop, RedisFixture& redis) -> asio::awaitable<void> {
        co_await one.begin(loop);
        kill(redis.pid(), SIGSTOP);
        const auto frozen = std::chrono::steady_clock::now();
        co_await until([&] { return !one.lease.valid(); });
        EXPECT_LT(std::chrono::steady_clock::now() - frozen, milliseconds(1000));
        kill(redis.pid(), SIGCONT);
        co_await until([&] { return one.lease.valid(); });
    }(worker, loop_, redis_));
}

// A busy loop lets the deadline pass by its own clock, but not by Redis's: sessions have acted on
// that, so the lease is lost for good and starts over under a new name.
TEST_F(WorkerSession, ALeaseThatWasInvalidForAMomentIsNotRenewed) {
    Incarnation worker(loop_, redis_, milliseconds(2000));
    int lapses = 0;
    worker.lease.on_lapse = [&lapses] { ++lapses; };
    loop_.run([](Incarnation& one, Loop& loop, int& count) -> asio::awaitable<void> {
        co_await one.begin(loop);
        const std::string before = one.lease.worker();
        std::this_thread::sleep_for(milliseconds(1700)); // the busy loop
        EXPECT_FALSE(one.lease.valid());
        co_await until([&] { return one.lease.valid(); });
        EXPECT_EQ(count, 1);
        EXPECT_NE(one.lease.worker(), before);
    }(worker, loop_, lapses));
}

TEST_F(WorkerSession, GivingUpTakesTheLeaseOutOfRedis) {
    Incarnation worker(loop_, redis_, milliseconds(5000));
    RawRedis raw(redis_.socket_path());
    loop_.run([](Incarnation& one, Loop& loop, RawRedis& redis) -> asio::awaitable<void> {
        co_await one.begin(loop);
        co_await one.lease.give_up();
        EXPECT_FALSE(one.lease.valid());
        EXPECT_EQ(redis.call({"ZCARD", lease_key(one.partitions.tag(0)).view()}).integer, 0);
    }(worker, loop_, raw));
}

TEST_F(WorkerSession, TheSecondOwnerFencesTheFirst) {
    Incarnation first(loop_, redis_, milliseconds(5000));
    Incarnation second(loop_, redis_, milliseconds(5000));
    TestSession session(redis_, "echo");
    loop_.run([](Incarnation& one, Incarnation& two, Loop& loop, TestSession& client,
                 const std::function<Doorbell(const std::string&)>& ring) -> asio::awaitable<void> {
        co_await one.begin(loop);
        co_await two.begin(loop);
        const Doorbell bell = ring(one.lease.worker());
        SessionStore old_owner(one.relay, bell);
        const Claim first_claim = co_await old_owner.claim();
        EXPECT_EQ(first_claim.status, ClaimStatus::claimed);
        auto lane = OutLane::make(one.relay.flusher, old_owner.keys(), first_claim.epoch);
        lane->add(0, as_bytes("of the first"));
        co_await lane->synced();

        SessionStore new_owner(two.relay, bell);
        const Claim refused = co_await new_owner.claim();
        EXPECT_EQ(refused.status, ClaimStatus::busy) << "the first owner lives";
        client.redis().call({"ZREM", old_owner.keys().leases, one.lease.worker()});
        const Claim second_claim = co_await new_owner.claim();
        EXPECT_EQ(second_claim.status, ClaimStatus::claimed);
        EXPECT_GT(second_claim.epoch, first_claim.epoch);
        EXPECT_EQ(second_claim.prev, (EventId{first_claim.epoch, 1}));

        lane->add(0, as_bytes("of a ghost"));
        bool lost = false;
        try {
            co_await lane->synced();
        } catch (const SessionLost&) {
            lost = true;
        }
        EXPECT_TRUE(lost);
        EXPECT_EQ(lane->state(), LaneState::fenced);
        EXPECT_EQ(client.redis().call({"XLEN", old_owner.keys().out_lane}).integer, 3);
    }(first, second, loop_, session, [&](const std::string& worker) {
                  return rung(session, worker);
              }));
}

// Whatever went wrong: a session that this worker owns without attending it is let go.
TEST_F(WorkerSession, ASessionWithoutAnActorIsReleased) {
    Incarnation worker(loop_, redis_, milliseconds(5000));
    TestSession session(redis_, "echo");
    loop_.run([](Incarnation& one, Loop& loop, TestSession& client,
                 const std::function<Doorbell(const std::string&)>& ring) -> asio::awaitable<void> {
        co_await one.begin(loop);
        const Doorbell bell = ring(one.lease.worker());
        SessionStore forgotten(one.relay, bell);
        const Claim claim = co_await forgotten.claim();
        EXPECT_EQ(claim.status, ClaimStatus::claimed);
        const AppFactory factory = echo_app();
        auto actor = Actor::make(one.relay, bell, factory);
        co_await actor->run();
        EXPECT_FALSE(client.owned());
        EXPECT_EQ(client.redis().call({"XLEN", client.keys().jobs}).integer, 1) << "rung anew";
    }(worker, loop_, session, [&](const std::string& name) { return rung(session, name); }));
}

// Cuts the connection at random moments while events are written: the log has each once, in order.
TEST_F(WorkerSession, TheOutLaneIsExactOverBrokenConnections) {
    Incarnation worker(loop_, redis_, milliseconds(5000));
    TestSession session(redis_, "echo");
    loop_.run([](Incarnation& one, Loop& loop, TestSession& client,
                 const std::function<Doorbell(const std::string&)>& ring) -> asio::awaitable<void> {
        co_await one.begin(loop);
        SessionStore store(one.relay, ring(one.lease.worker()));
        const Claim claim = co_await store.claim();
        auto lane = OutLane::make(one.relay.flusher, store.keys(), claim.epoch);
        std::mt19937 random(5);
        for (int i = 0; i < kEvents; ++i) {
            const std::string text = std::to_string(i);
            lane->add(0, as_bytes(text));
            if (random() % 8 == 0) {
                co_await sleep_for(std::chrono::microseconds(random() % 1500));
            }
            if (i % 400 == 399) {
                one.commands->drop(redis::Failure::connection_lost, "test");
            }
        }
        co_await lane->synced();
        EXPECT_EQ(lane->state(), LaneState::open);
        int next = 0;
        while (next < kEvents) {
            const auto events = client.read(milliseconds(1000));
            if (events.empty()) {
                break;
            }
            for (const Event& event : events) {
                EXPECT_EQ(event.bytes, std::to_string(next));
                EXPECT_EQ(event.id, (EventId{claim.epoch, static_cast<uint64_t>(next) + 1}));
                ++next;
            }
        }
        EXPECT_EQ(next, kEvents);
    }(worker, loop_, session, [&](const std::string& name) { return rung(session, name); }));
}

TEST_F(WorkerSession, ALogThatLostAcknowledgedEventsIsBroken) {
    Incarnation worker(loop_, redis_, milliseconds(5000));
    TestSession session(redis_, "echo");
    loop_.run([](Incarnation& one, Loop& loop, TestSession& client,
                 const std::function<Doorbell(const std::string&)>& ring) -> asio::awaitable<void> {
        co_await one.begin(loop);
        SessionStore store(one.relay, ring(one.lease.worker()));
        const Claim claim = co_await store.claim();
        auto lane = OutLane::make(one.relay.flusher, store.keys(), claim.epoch);
        lane->add(0, as_bytes("one"));
        co_await lane->synced();
        client.redis().call({"DEL", store.keys().out_lane});
        one.commands->drop(redis::Failure::connection_lost, "test");
        co_await until([&] { return lane->state() == LaneState::broken; });
    }(worker, loop_, session, [&](const std::string& name) { return rung(session, name); }));
}

TEST_F(WorkerSession, NothingIsWrittenWithoutALease) {
    Incarnation worker(loop_, redis_, milliseconds(5000));
    TestSession session(redis_, "echo");
    loop_.run([](Incarnation& one, Loop& loop, TestSession& client,
                 const std::function<Doorbell(const std::string&)>& ring) -> asio::awaitable<void> {
        co_await one.begin(loop);
        SessionStore store(one.relay, ring(one.lease.worker()));
        const Claim claim = co_await store.claim();
        auto lane = OutLane::make(one.relay.flusher, store.keys(), claim.epoch);
        co_await one.lease.give_up();
        lane->add(0, as_bytes("too late"));
        lane->flush_now();
        co_await sleep_for(milliseconds(50)); // gives a wrong write the time to arrive
        EXPECT_EQ(client.redis().call({"XLEN", store.keys().out_lane}).integer, 1);
        lane->close();
    }(worker, loop_, session, [&](const std::string& name) { return rung(session, name); }));
}

// Live copies, gaps, broken subscriptions and broken reads: every mail once, in order.
constexpr int kUnread = 500; // the lane takes 1,000
TEST_F(WorkerSession, TheMailboxIsExactOverBrokenConnections) {
    Incarnation worker(loop_, redis_, milliseconds(30000));
    TestSession session(redis_, "echo");
    loop_.run(
        [](Incarnation& one, Loop& loop, TestSession& client) -> asio::awaitable<void> {
            co_await one.begin(loop);
            Signal signal(loop.executor());
            auto mailbox =
                std::make_shared<Mailbox>(one.relay, client.keys(), [&] { signal.notify(); });
            client.mail("0");
            mailbox->start();
            std::mt19937 random(6);
            int sent = 1;
            int received = 0;
            int drops_left = 24; // each makes the next connect later, up to 2 s
            while (received < 3000) {
                for (uint32_t burst = random() % 20; burst > 0 && sent < 3000; --burst) {
                    if (sent - received < kUnread) {
                        EXPECT_GT(client.mail(std::to_string(sent++)), MailStatus::lane_full);
                    }
                }
                if (drops_left > 0 && one.subscriptions->ready() && random() % 40 == 0) {
                    one.subscriptions->drop(redis::Failure::connection_lost, "test");
                    --drops_left;
                }
                if (drops_left > 0 && one.commands->ready() && random() % 60 == 0) {
                    one.commands->drop(redis::Failure::connection_lost, "test");
                    --drops_left;
                }
                co_await signal.wait_for(milliseconds(1));
                while (!mailbox->empty()) {
                    const MailItem item = mailbox->pop();
                    EXPECT_EQ(item.payload, std::to_string(received));
                    ++received;
                    const std::string id = "0-" + std::to_string(item.number);
                    client.redis().call({"XDEL", client.keys().in_lane, id});
                }
            }
            EXPECT_EQ(received, sent);
            mailbox->stop();
        }(worker, loop_, session),
        std::chrono::seconds(60));
}

// A connection that was given up may deliver its last commands behind those of the next one.
TEST_F(WorkerSession, ASaveThatArrivesLateChangesNothing) {
    Incarnation worker(loop_, redis_, milliseconds(5000));
    TestSession session(redis_, "echo");
    loop_.run([](Incarnation& one, Loop& loop, TestSession& client,
                 const std::function<Doorbell(const std::string&)>& ring) -> asio::awaitable<void> {
        co_await one.begin(loop);
        SessionStore store(one.relay, ring(one.lease.worker()));
        const Claim claim = co_await store.claim();
        const SessionKeys& keys = client.keys();
        Save first;
        first.checkpoint = "first turn";
        first.consumed.push_back({1, kMailInLaneBytes});
        co_await store.save(std::move(first));
        EXPECT_EQ(client.redis().call({"HGET", keys.meta, "ibytes"}).text, "0");
        Save end;
        end.history = {"question", "answer"};
        co_await store.save(std::move(end));
        Save second;
        second.checkpoint = "second turn";
        co_await store.save(std::move(second));

        const std::string epoch = std::to_string(claim.epoch);
        const std::string bytes = std::to_string(kMailInLaneBytes);
        const auto late = [&](std::string_view op, std::string_view number,
                              std::string_view checkpoint) {
            return client.redis()
                .call({"EVAL", kSaveScript.text, "3", keys.meta, keys.in_lane, keys.history, epoch,
                       one.lease.worker(), op, number, checkpoint, "", "40", "1000", "1", "0-1",
                       bytes, "again"})
                .integer;
        };
        EXPECT_EQ(late("set", "1", "first turn"), 1);
        EXPECT_EQ(late("clear", "2", ""), 1);
        EXPECT_EQ(client.redis().call({"HGET", keys.meta, "ckpt"}).text, "second turn");
        EXPECT_EQ(client.redis().call({"HGET", keys.meta, "ibytes"}).text, "0");
        EXPECT_EQ(client.redis().call({"LLEN", keys.history}).integer, 2);
        EXPECT_EQ(late("clear", "4", ""), 1) << "the next one counts";
        EXPECT_TRUE(client.redis().call({"HGET", keys.meta, "ckpt"}).is_nil());
    }(worker, loop_, session, [&](const std::string& name) { return rung(session, name); }));
}

} // namespace
} // namespace mr::test
