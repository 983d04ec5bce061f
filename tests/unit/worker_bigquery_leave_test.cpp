// A query that nobody waits for any more is cancelled at BigQuery, unless somebody else will.
#include "tests/unit/worker_bigquery_support.h"

namespace mr::test {
namespace {

using namespace bq;

struct Leaving : Warehouse {
    using Warehouse::Warehouse;

    // Runs it until the condition holds, then cancels it.
    bool leave(const std::function<bool()>& condition) {
        engine = make();
        query.sql = kSql;
        Cancellable turn_of_it(loop, run(*engine, query, scope, call, table));
        const bool there = turn(loop, condition);
        turn_of_it.cancel();
        return turn(loop, [&] { return turn_of_it.done; }) && there && turn_of_it.aborted();
    }
    bool cancelled() {
        return turn(loop, [&] {
            return !requests.empty() && line(requests.size() - 1) ==
                                            "POST /bigquery/v2/projects/p/jobs/job_1/cancel"
                                            "?prettyPrint=false&location=EU";
        });
    }

    std::unique_ptr<SqlEngine> engine;
    SqlQuery query;
    ProjectScope scope;
    SqlTable table;
    CallContext call = call_for(std::chrono::seconds(20));
};

TEST(BigQuery, AQueryOfAStoppedTurnIsCancelled) {
    Leaving bq({ok(dry()), ok(job(false)), "", ok(json::object())});
    EXPECT_TRUE(bq.leave([&] { return bq.requests.size() == 3; }));
    EXPECT_TRUE(bq.cancelled());
}

TEST(BigQuery, AlsoWhenItsReplyWasStillUnderWay) {
    Leaving bq({ok(dry()), ok(job(false)), ok(json::object())});
    bq.held = 1;
    EXPECT_TRUE(bq.leave([&] { return bq.requests.size() == 2; }));
    EXPECT_EQ(bq.requests.size(), 2U);
    bq.held = Warehouse::none_held;
    EXPECT_TRUE(bq.cancelled());
}

TEST(BigQuery, AQueryOfALostTurnIsLeftToTheNextOwner) {
    bool owned = true;
    for (const std::size_t held : {Warehouse::none_held, std::size_t(1)}) {
        Leaving bq({ok(dry()), ok(job(false)), ""});
        bq.held = held;
        owned = true;
        bq.call.owned = [&owned] { return owned; };
        EXPECT_TRUE(bq.leave([&] {
            owned = bq.requests.size() < (held == 1 ? 2U : 3U);
            return !owned;
        }));
        bq.held = Warehouse::none_held;
        turn(bq.loop, [&] { return bq.answered == 2; });
        turn(bq.loop, [] { return false; }, milliseconds(50));
        EXPECT_EQ(bq.requests.size(), held == 1 ? 2U : 3U);
    }
}

TEST(BigQuery, AFinishedOneThatIsLeftIsNot) {
    Leaving bq({ok(dry()), ok(rows({"A"}))});
    bq.held = 1;
    EXPECT_TRUE(bq.leave([&] { return bq.requests.size() == 2; }));
    bq.held = Warehouse::none_held;
    turn(bq.loop, [&] { return bq.answered == 2; });
    turn(bq.loop, [] { return false; }, milliseconds(50));
    EXPECT_EQ(bq.requests.size(), 2U);
}

TEST(BigQuery, AQueryBeyondItsDeadlineIsCancelled) {
    std::vector<std::string> answers(100, ok(job(false)));
    answers[0] = ok(dry());
    Leaving bq(answers);
    bq.engine = bq.make();
    bq.query.sql = kSql;
    Cancellable late(bq.loop, Warehouse::run(*bq.engine, bq.query, bq.scope, bq.call, bq.table));
    EXPECT_TRUE(turn(bq.loop, [&] { return bq.requests.size() >= 3; }));
    bq.call.deadline = Clock::now();
    EXPECT_TRUE(turn(bq.loop, [&] { return late.done; }));
    EXPECT_TRUE(bq.cancelled());
}

TEST(BigQuery, AFinishedQueryIsNotCancelled) {
    Warehouse bq({ok(dry()), ok(job(false)), ok(rows({"A"}))});
    bq.ask(kSql);
    turn(bq.loop, [] { return false; }, milliseconds(50));
    EXPECT_EQ(bq.requests.size(), 3U);
}

} // namespace
} // namespace mr::test
