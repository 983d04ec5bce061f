// Events that are published and not logged, against a real Redis: their place among the logged
// ones, what a resume sees of them, a Redis that refuses the log, one that takes nothing.
#include "tests/unit/worker_loop.h"

#include <csignal>

namespace mr::test {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr uint64_t kEpoch = 7;

// What a gateway hears of a session, as "12" for a logged event and "(audio)" for a live one. A
// live one counts only where it stands behind everything before it.
class Listener {
  public:
    Listener(const RedisFixture& redis, const SessionKeys& keys) : channel_(redis, keys) {}

    // All so far.
    std::string hear() {
        channel_.read([this](std::string_view bytes) { take(bytes); });
        return heard_;
    }

  private:
    void take(std::string_view bytes) {
        auto reader = BatchReader::open(as_bytes(bytes));
        ASSERT_TRUE(reader);
        const BatchHeader header = reader->header();
        std::string text;
        bool live = false;
        while (const auto event = reader->next()) {
            live = (event->flags & kEventLiveOnly) != 0;
            text += live ? "(" : " ";
            text += as_text(event->bytes);
            text += live ? ")" : " ";
        }
        EXPECT_TRUE(reader->ok());
        EXPECT_EQ(header.epoch, kEpoch);
        if (!live && header.last().seq <= cursor_) {
            return; // published once more
        }
        EXPECT_EQ(header.first_seq, cursor_ + 1);
        cursor_ += live ? 0 : header.count;
        heard_ += text;
    }

    ChannelReader channel_;
    std::string heard_;
    uint64_t cursor_ = 0;
};

// Everything that was sent is answered, so every publication can be read.
asio::awaitable<void> all_answered(Incarnation& worker) {
    co_await until([&worker] { return worker.commands->pending() == 0; });
}

class WorkerLive : public testing::Test {
  protected:
    WorkerLive() { log::set_level(log::Level::error); }
    ~WorkerLive() override { log::set_level(log::Level::info); }

    RedisFixture redis_;
    Loop loop_;
    Incarnation worker_{loop_, redis_, milliseconds(30000)};
    TestSession session_{redis_, "chat"};
};

TEST_F(WorkerLive, StandsAmongTheLoggedEventsAndIsNotInTheLog) {
    Listener listener(redis_, session_.keys());
    loop_.run([](Incarnation& one, Loop& loop, TestSession& client,
                 Listener& heard) -> asio::awaitable<void> {
        co_await one.begin(loop);
        auto lane = OutLane::make(one.relay.flusher, client.keys(), kEpoch);
        lane->add(0, as_bytes("1"));
        lane->add(0, as_bytes("2"));
        EXPECT_TRUE(lane->live(kEventBinary, as_bytes("a")));
        EXPECT_TRUE(lane->live(kEventBinary, as_bytes("b")));
        EXPECT_EQ(lane->next_id(), (EventId{kEpoch, 3})) << "it takes no id";
        lane->add(0, as_bytes("3"));
        EXPECT_TRUE(lane->live(kEventBinary, as_bytes("c")));
        co_await lane->synced();
        EXPECT_TRUE(lane->live(kEventBinary, as_bytes("d")));
        lane->flush_now();
        co_await all_answered(one);
        EXPECT_EQ(heard.hear(), " 1  2 (a)(b) 3 (c)(d)");
        EXPECT_EQ(client.redis().call({"XLEN", client.keys().out_lane}).integer, 2);
        std::string logged;
        const auto entries =
            client.redis().call({"XRANGE", client.keys().out_lane, "-", "+"}).elements;
        for (const redis::Value& entry : entries) {
            auto batch = BatchReader::open(as_bytes(entry.at(1).at(1).text));
            while (const auto event = batch ? batch->next() : std::nullopt) {
                EXPECT_EQ(event->flags & kEventLiveOnly, 0);
                logged += as_text(event->bytes);
            }
        }
        EXPECT_EQ(logged, "123");
    }(worker_, loop_, session_, listener));
}

// A full Redis refuses the log and would still publish: audio does not overtake what it belongs
// behind.
TEST_F(WorkerLive, WaitsForALogThatIsRefused) {
    Listener listener(redis_, session_.keys());
    loop_.run([](Incarnation& one, Loop& loop, TestSession& client,
                 Listener& heard) -> asio::awaitable<void> {
        co_await one.begin(loop);
        auto lane = OutLane::make(one.relay.flusher, client.keys(), kEpoch);
        lane->add(0, as_bytes("1"));
        co_await lane->synced();
        co_await all_answered(one);
        EXPECT_EQ(heard.hear(), " 1 ");
        client.redis().call({"CONFIG", "SET", "maxmemory", "1"});
        lane->add(0, as_bytes("2")); // published before it is known to be refused
        lane->flush_now();
        co_await all_answered(one);
        EXPECT_EQ(heard.hear(), " 1  2 ");
        lane->add(0, as_bytes("3"));
        EXPECT_TRUE(lane->live(kEventBinary, as_bytes("a")));
        lane->flush_now();
        EXPECT_EQ(client.redis().call({"XLEN", client.keys().out_lane}).integer, 1);
        client.redis().call({"CONFIG", "SET", "maxmemory", "0"});
        co_await lane->synced();
        EXPECT_TRUE(lane->live(kEventBinary, as_bytes("b")));
        lane->flush_now();
        co_await all_answered(one);
        const std::string all = heard.hear();
        EXPECT_TRUE(all.ends_with(" 3 (a)(b)")) << all;
    }(worker_, loop_, session_, listener));
}

TEST_F(WorkerLive, IsRefusedWhenRedisTakesNothing) {
    loop_.run([](Incarnation& one, Loop& loop, TestSession& client,
                 pid_t redis) -> asio::awaitable<void> {
        co_await one.begin(loop);
        auto lane = OutLane::make(one.relay.flusher, client.keys(), kEpoch);
        const std::string second(32'000, 'a');
        kill(redis, SIGSTOP);
        size_t taken = 0;
        while (taken < 1000 && lane->live(kEventBinary, as_bytes(second))) {
            ++taken;
            lane->flush_now();
        }
        EXPECT_GT(taken, 16U);
        EXPECT_LE(taken * second.size(), kMaxLiveBytes);
        kill(redis, SIGCONT);
        co_await until([&] { return lane->live(kEventBinary, as_bytes(second)); });
        lane->fence();
        EXPECT_FALSE(lane->live(kEventBinary, as_bytes("of a ghost")));
        lane->close();
    }(worker_, loop_, session_, redis_.pid()));
}

} // namespace
} // namespace mr::test
