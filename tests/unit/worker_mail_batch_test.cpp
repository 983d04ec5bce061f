// Mail of several frames as an app sees it, against a real Redis: items of their own, and in the
// lane until the last one is dealt with, whoever owns the session then.
#include "shared/mail_batch.h"
#include "tests/unit/worker_loop.h"
#include "worker/session/mail_batch.h"

namespace mr::test {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

std::string batch_of(std::initializer_list<BatchedFrame> frames) {
    Buffer out;
    for (const BatchedFrame& frame : frames) {
        EXPECT_TRUE(add_to_mail_batch(out, frame));
    }
    return std::string(out.text());
}

const std::string kThree =
    batch_of({{false, as_bytes("a")}, {false, as_bytes("b")}, {true, as_bytes("question")}});

TEST(WorkerMailBatch, IsDealtWithWhenAllOfItIs) {
    MailItem mail;
    mail.number = 9;
    mail.bytes = 100;
    mail.connection = 3;
    mail.nth = 4;
    const std::vector<MailItem> items = open_mail_batch(mail, kThree);
    ASSERT_EQ(items.size(), 3U);
    EXPECT_EQ(items[0].kind, MailKind::binary);
    EXPECT_EQ(items[2].kind, MailKind::text);
    EXPECT_EQ(items[2].payload, "question");
    EXPECT_EQ(items[2].name(), "3-4.2");
    EXPECT_TRUE(items[0].first_of_mail());
    EXPECT_FALSE(items[1].first_of_mail());
    Consumed consumed;
    settle_mail(items[2], consumed);
    settle_mail(items[0], consumed);
    settle_mail(items[0], consumed); // once more
    EXPECT_TRUE(consumed.empty());
    settle_mail(items[1], consumed);
    settle_mail(items[1], consumed);
    ASSERT_EQ(consumed.size(), 1U);
    EXPECT_EQ(consumed[0].number, 9U);
    EXPECT_EQ(consumed[0].bytes, 100U);
    EXPECT_TRUE(open_mail_batch(mail, "no batch").empty());
    EXPECT_TRUE(open_mail_batch(mail, "").empty());
}

// Keeps the last item for as long as the test wants.
class KeepsText final : public App {
  public:
    KeepsText(OwnedSession& session, std::vector<std::string>& seen, bool& keep)
        : session_(session), seen_(seen), keep_(keep) {}

    void mail(MailItem item) override {
        seen_.push_back(item.payload);
        if (item.kind == MailKind::text && keep_) {
            waiting_ = std::move(item);
            return;
        }
        session_.consume(item);
    }
    bool idle() const override { return !waiting_; }
    asio::awaitable<void> stop() override { co_return; }

  private:
    OwnedSession& session_;
    std::vector<std::string>& seen_;
    bool& keep_;
    std::optional<MailItem> waiting_;
};

struct Kept {
    std::vector<std::string> seen;
    bool keep = true;
};

int64_t lane_length(TestSession& session) {
    return session.redis().call({"XLEN", session.keys().in_lane}).integer;
}

TEST(WorkerMailBatchInRedis, StaysUntilItsQuestionIsDealtWith) {
    RedisFixture redis;
    Loop loop;
    Incarnation worker(loop, redis, milliseconds(30000));
    TestSession client(redis, "keeps");
    Kept kept;
    const AppFactory factory = [&kept](OwnedSession& session) {
        return std::make_unique<KeepsText>(session, kept.seen, kept.keep);
    };
    loop.run([](Incarnation& one, Loop& in, TestSession& session, const AppFactory& app,
                Kept& state) -> asio::awaitable<void> {
        co_await one.begin(in);
        EXPECT_EQ(session.mail(kThree, MailKind::batch), MailStatus::rung);
        session.redis().call({"XGROUP", "CREATE", session.keys().jobs, "g", "0"});
        auto first = Actor::make(one.relay, session.doorbell(one.lease.worker()), app);
        bool ended = false;
        asio::co_spawn(in.context, first->run(), [&ended](std::exception_ptr) { ended = true; });
        co_await until([&] { return state.seen.size() == 3; });
        EXPECT_EQ(state.seen, (std::vector<std::string>{"a", "b", "question"}));
        // One that is dealt with at once, so that all that was to leave the lane has left it.
        const std::string fourth = batch_of({{false, as_bytes("c")}});
        EXPECT_EQ(session.mail(fourth, MailKind::batch), MailStatus::owned);
        co_await until([&] { return state.seen.size() == 4 && lane_length(session) == 1; });

        first->request_stop(Actor::Stop::handover);
        co_await until([&] { return ended; });
        state.keep = false;
        auto second = Actor::make(one.relay, session.doorbell(one.lease.worker()), app);
        co_await second->run();
        EXPECT_EQ(state.seen.size(), 7U) << "the next owner is given all of it again";
        EXPECT_EQ(state.seen.back(), "question");
        EXPECT_EQ(lane_length(session), 0);
    }(worker, loop, client, factory, kept));
}

} // namespace
} // namespace mr::test
