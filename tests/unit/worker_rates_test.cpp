// The limits of accounts: the arithmetic of a queue, the same in Redis, and gates of two workers
// that share one.
#include "tests/unit/worker_openai_support.h"
#include "worker/limits/redis_rates.h"
#include "worker/metrics/meters.h"
#include "worker/providers/rest/api.h"
#include "worker/redis/rate_script.h"

#include <algorithm>
#include <random>

namespace mr::test {
namespace {

using rest::Account;
using rest::Place;
using rest::Queue;
using rest::Rate;
using std::chrono::microseconds;
using Clock = std::chrono::steady_clock;

constexpr microseconds kAnyWait = std::chrono::hours(1'000);

// Most places in any span of `per`, which begins with one of them.
std::size_t most_in_a_span(const std::vector<std::int64_t>& places, milliseconds per) {
    const std::int64_t span = microseconds(per).count();
    std::size_t most = 0;
    std::size_t first = 0;
    for (std::size_t last = 0; last < places.size(); ++last) {
        while (places[last] - places[first] >= span) {
            ++first;
        }
        most = std::max(most, last - first + 1);
    }
    return most;
}

TEST(RateQueue, NoSpanHoldsMoreCallsThanTheRate) {
    const Rate rates[] = {rest::per_second(1),   rest::per_second(4),      rest::per_second(7),
                          rest::per_minute(1),   rest::per_minute(10),     rest::per_minute(59),
                          rest::per_minute(500), {9, milliseconds(100), 9}};
    std::mt19937 random(4711); // NOLINT: the same every time
    for (const Rate& rate : rates) {
        for (const int busy : {1, 3, 30}) { // callers are so many times faster than the rate
            Queue queue;
            const std::int64_t mean =
                microseconds(rate.per).count() / static_cast<std::int64_t>(rate.calls) / busy;
            std::uniform_int_distribution<std::int64_t> pause(0, 2 * mean);
            std::int64_t now = 1'000'000;
            std::vector<std::int64_t> places;
            for (int i = 0; i < 2'000; ++i) {
                now += i % 100 == 99 ? 50 * mean : pause(random);
                places.push_back(now + queue.take(now, rate, kAnyWait).wait.count());
            }
            EXPECT_TRUE(std::is_sorted(places.begin(), places.end()));
            EXPECT_LE(most_in_a_span(places, rate.per), rate.calls) << rate.calls << " " << busy;
        }
    }
}

TEST(RateQueue, ItsWholeRateIsUsed) {
    const Rate rate = rest::per_second(4);
    Queue queue;
    std::vector<std::int64_t> places;
    for (int i = 0; i < 9; ++i) {
        places.push_back(queue.take(0, rate, kAnyWait).wait.count());
    }
    EXPECT_EQ(places.back(), 2'000'000) << "eight more, four a second";
    EXPECT_EQ(rest::per_minute(60).burst, 10U);
    EXPECT_EQ(rest::per_minute(1).burst, 1U);
}

TEST(RateQueue, WhoCannotWaitTakesNoPlace) {
    const Rate rate = rest::per_second(1);
    Queue queue;
    EXPECT_EQ(queue.take(0, rate, microseconds(0)).wait.count(), 0);
    const Place place = queue.take(0, rate, milliseconds(999));
    EXPECT_TRUE(place.refused);
    EXPECT_EQ(place.wait, milliseconds(1'000));
    EXPECT_FALSE(queue.take(0, rate, milliseconds(1'000)).refused) << "it was still free";
}

TEST(RateQueue, APauseIsForAllAndEndsWithoutABurst) {
    const Rate rate = {8, milliseconds(1'000), 4};
    Queue queue;
    queue.hold(0, rate, milliseconds(500));
    EXPECT_EQ(queue.take(0, rate, kAnyWait).wait, milliseconds(500));
    EXPECT_EQ(queue.take(0, rate, kAnyWait).wait, milliseconds(500) + rate.apart());
}

TEST(RateAccount, ItsNameDoesNotGiveTheKeyAway) {
    EXPECT_EQ(rest::account_id("sk-secret"), rest::account_id("sk-secret"));
    EXPECT_NE(rest::account_id("sk-secret"), rest::account_id("sk-secreu"));
    EXPECT_EQ(rest::account_id("").size(), 16U);
    EXPECT_EQ(rest::account_id("abc"), "ba7816bf8f01cfea") << "FIPS 180-2, appendix B.1";
}

// ---- the script

class RateScript : public ::testing::Test {
  protected:
    RateScript() : raw_(redis_.socket_path()) {}

    std::int64_t call(RawRedis& client, std::string_view op, const Rate& rate, microseconds time) {
        const std::string apart = std::to_string(rate.apart().count());
        const std::string ahead = std::to_string(rate.ahead().count());
        const std::string limit = std::to_string(time.count());
        const redis::Value reply =
            client.call({"EVAL", redis::kRateScript.text, "1", kKey, op, apart, ahead, limit});
        EXPECT_EQ(reply.type, ReplyType::integer) << reply.text;
        return reply.integer;
    }
    std::int64_t due() {
        return std::stoll(raw_.call({"GET", kKey}).text); // up to the colon
    }

    static constexpr std::string_view kKey = "mr:rate:some:account";
    RedisFixture redis_;
    RawRedis raw_;
};

TEST_F(RateScript, PlacesOfSeveralWorkersKeepTheRate) {
    const Rate rate = rest::per_minute(40);
    std::vector<std::unique_ptr<RawRedis>> workers;
    for (int i = 0; i < 5; ++i) {
        workers.push_back(std::make_unique<RawRedis>(redis_.socket_path()));
    }
    std::vector<std::int64_t> places;
    for (int i = 0; i < 300; ++i) {
        RawRedis& worker = *workers[static_cast<std::size_t>(i * i) % workers.size()];
        const std::int64_t wait = call(worker, "take", rate, kAnyWait);
        EXPECT_GE(wait, 0);
        if (wait > 0) { // else its place is now, which the value does not tell
            places.push_back(due() - rate.apart().count() - rate.ahead().count());
        }
    }
    EXPECT_GE(places.size(), 280U);
    EXPECT_TRUE(std::is_sorted(places.begin(), places.end()));
    EXPECT_LE(most_in_a_span(places, rate.per), rate.calls);
}

TEST_F(RateScript, WhoCannotWaitTakesNoPlace) {
    const Rate rate = rest::per_minute(1);
    EXPECT_EQ(call(raw_, "take", rate, microseconds(0)), 0);
    const std::int64_t before = due();
    EXPECT_LT(call(raw_, "take", rate, milliseconds(10)), -50'000'000);
    EXPECT_EQ(due(), before);
    EXPECT_EQ(call(raw_, "again", rate, milliseconds(10)), 0) << "who has waited may go";
}

TEST_F(RateScript, APauseHoldsThoseWhoHaveWaitedToo) {
    const Rate rate = rest::per_second(10);
    EXPECT_EQ(call(raw_, "take", rate, kAnyWait), 0);
    EXPECT_GT(call(raw_, "take", rate, kAnyWait), 0);
    call(raw_, "hold", rate, std::chrono::seconds(60));
    EXPECT_GT(call(raw_, "again", rate, kAnyWait), 50'000'000);
    EXPECT_LT(call(raw_, "again", rate, milliseconds(100)), -50'000'000);
    call(raw_, "hold", rate, milliseconds(1));
    EXPECT_GT(call(raw_, "again", rate, kAnyWait), 50'000'000) << "a shorter one changes nothing";
}

TEST_F(RateScript, OneKeyThatExpiresWhenItSaysNothingAnyMore) {
    const Rate rate = rest::per_minute(2);
    EXPECT_EQ(call(raw_, "take", rate, kAnyWait), 0);
    const std::int64_t left = raw_.call({"PTTL", kKey}).integer;
    EXPECT_GT(left, 0);
    EXPECT_LE(left, 30'002);
    EXPECT_EQ(raw_.call({"DBSIZE"}).integer, 1);
}

TEST_F(RateScript, AValueOfAClockThatWasSetBackCountsForNothing) {
    const Rate rate = rest::per_second(10);
    raw_.call({"SET", kKey, "9999999999999999:0"});
    EXPECT_EQ(call(raw_, "take", rate, milliseconds(1)), 0);
    raw_.call({"SET", kKey, "no value of ours"});
    EXPECT_EQ(call(raw_, "take", rate, milliseconds(1)), 0);
}

// ---- gates

struct Worker {
    Worker(Loop& loop, const RedisFixture& redis, const Rate& rate)
        : commands(redis::Connection::make(loop.executor(), link_to(redis, "commands"))),
          store(std::make_shared<RedisRates>()),
          gate(rest::make_gate(store, {"some", "Some", rest::account_id("key")}, rate)) {
        commands->start();
        store->bind(commands);
    }
    ~Worker() {
        store->unbind();
        commands->close();
    }

    std::shared_ptr<redis::Connection> commands;
    std::shared_ptr<RedisRates> store;
    std::shared_ptr<rest::RateGate> gate;
};

CallContext call_within(milliseconds limit) {
    CallContext call;
    call.deadline = Clock::now() + limit;
    return call;
}

awaitable<void> admit(rest::RateGate& gate, int& admitted) {
    const CallContext call = call_within(std::chrono::seconds(20));
    co_await gate.admit(call);
    ++admitted;
}

class RateGates : public ::testing::Test {
  protected:
    bool refused(rest::RateGate& gate, milliseconds limit) {
        bool late = false;
        loop_.run(try_to(gate, limit, late));
        return late;
    }
    static awaitable<void> try_to(rest::RateGate& gate, milliseconds limit, bool& late) {
        const CallContext call = call_within(limit);
        try {
            co_await gate.admit(call);
        } catch (const ProviderError& error) {
            late = error.fault() == ProviderFault::rate_limited;
            EXPECT_STREQ(error.what(), "too many calls wait for Some at the moment");
        }
    }
    // The store is asked again after kRatesAlone.
    awaitable<void> shared_again(rest::RateGate& gate) {
        const std::function<awaitable<bool>()> shared = [&]() -> awaitable<bool> {
            bool late = false;
            co_await try_to(gate, milliseconds(0), late);
            co_return meters_->rates_shared.at({}).value() == 1;
        };
        co_await until_answered(shared);
    }
    awaitable<void> both_ready(Worker& one, Worker& two) {
        co_await one.commands->wait_ready(std::chrono::seconds(10));
        co_await two.commands->wait_ready(std::chrono::seconds(10));
    }

    metrics::OwnMeters meters_;
    RedisFixture redis_;
    Loop loop_;
};

TEST_F(RateGates, TwoWorkersShareOneRate) {
    const Rate rate = rest::per_second(100);
    Worker one(loop_, redis_, rate);
    Worker two(loop_, redis_, rate);
    loop_.run(both_ready(one, two));
    int admitted = 0;
    const auto began = Clock::now();
    for (int i = 0; i < 30; ++i) {
        Worker& worker = i % 2 == 0 ? one : two;
        boost::asio::co_spawn(loop_.context, admit(*worker.gate, admitted),
                              [](const std::exception_ptr& error) { EXPECT_FALSE(error); });
    }
    loop_.run(until([&admitted] { return admitted == 30; }));
    EXPECT_GE(Clock::now() - began, 28 * milliseconds(10)) << "nobody comes before its place";
    EXPECT_EQ(meters_->rate_wait.at({"some"}).count(), 30U);
    EXPECT_EQ(meters_->rates_shared.at({}).value(), 1);
}

TEST_F(RateGates, WhoseTurnIsTooLateIsRefusedAtOnce) {
    const Rate rate = rest::per_minute(1);
    Worker one(loop_, redis_, rate);
    Worker two(loop_, redis_, rate);
    loop_.run(both_ready(one, two));
    EXPECT_FALSE(refused(*one.gate, std::chrono::seconds(5)));
    EXPECT_TRUE(refused(*two.gate, std::chrono::seconds(5))) << "the other one's call counts";
    EXPECT_EQ(meters_->rate_refused.at({"some"}).value(), 1U);
    RawRedis raw(redis_.socket_path());
    const redis::Value keys = raw.call({"KEYS", "*"});
    ASSERT_EQ(keys.elements.size(), 1U);
    EXPECT_EQ(keys.at(0).text, "mr:rate:some:" + rest::account_id("key"));
}

TEST_F(RateGates, APauseThatOneWasAskedForIsKeptByAll) {
    const Rate rate = rest::per_second(1'000);
    Worker one(loop_, redis_, rate);
    Worker two(loop_, redis_, rate);
    loop_.run(both_ready(one, two));
    one.gate->hold(std::chrono::hours(1)); // kMaxHold is what is kept
    RawRedis raw(redis_.socket_path());
    loop_.run(until([&raw] { return !raw.call({"KEYS", "*"}).elements.empty(); }));
    EXPECT_LE(raw.call({"PTTL", raw.call({"KEYS", "*"}).at(0).text}).integer,
              rest::kMaxHold.count() + 10);
    EXPECT_TRUE(refused(*two.gate, std::chrono::seconds(5)));
}

TEST_F(RateGates, WithoutRedisEachKeepsTheRateAloneAndSaysSoOnce) {
    const Rate rate = rest::per_minute(1);
    Worker one(loop_, redis_, rate);
    Worker two(loop_, redis_, rate);
    loop_.run(both_ready(one, two));
    redis_.kill_hard();
    loop_.run(until([&] { return !one.commands->ready() && !two.commands->ready(); }));
    testing::internal::CaptureStderr();
    EXPECT_FALSE(refused(*one.gate, std::chrono::seconds(5)));
    EXPECT_TRUE(refused(*one.gate, std::chrono::seconds(5))) << "its own queue";
    EXPECT_FALSE(refused(*two.gate, std::chrono::seconds(5))) << "it cannot know better";
    const std::string log = testing::internal::GetCapturedStderr();
    const std::string words = "kept by this worker alone";
    EXPECT_NE(log.find(words), log.rfind(words)) << "one line of each";
    EXPECT_EQ(log.find(words, log.find(words, log.find(words) + 1) + 1), std::string::npos);
    EXPECT_EQ(meters_->rates_shared.at({}).value(), 0);
    redis_.start();
    loop_.run(both_ready(one, two));
    loop_.run(shared_again(*two.gate));
}

TEST_F(RateGates, WithoutAStoreOrAConnection) {
    EXPECT_EQ(rest::make_gate(nullptr, {"some", "Some", ""}, rest::per_minute(0)), nullptr);
    const auto alone = rest::make_gate(nullptr, {"some", "Some", ""}, rest::per_minute(1));
    EXPECT_FALSE(refused(*alone, std::chrono::seconds(1)));
    EXPECT_TRUE(refused(*alone, std::chrono::seconds(1)));
    const auto unbound =
        rest::make_gate(std::make_shared<RedisRates>(), {"some", "Some", ""}, rest::per_minute(1));
    unbound->hold(milliseconds(1));
    EXPECT_FALSE(refused(*unbound, std::chrono::seconds(1)));
    EXPECT_TRUE(refused(*unbound, std::chrono::seconds(1)));
}

// ---- who asks at a gate

class NotedGate final : public rest::RateGate {
  public:
    Task<void> admit(const CallContext&) override {
        ++asked;
        if (closed) {
            throw ProviderError(ProviderFault::rate_limited, "too many calls wait");
        }
        co_return;
    }
    void hold(milliseconds pause) override { held.push_back(pause); }

    int asked = 0;
    bool closed = false;
    std::vector<milliseconds> held;
};

const std::string kBusy = "429 Too Many Requests";

TEST(RateGateUse, AModelAsksBeforeEachTryAndHandsAPauseOn) {
    const std::string body = delta("Hi") + finish("stop") + kDone;
    const json busy = {{"type", "requests"}, {"code", "rate_limit_exceeded"}};
    const json spent = {{"type", "insufficient_quota"}, {"code", "insufficient_quota"}};
    Loop loop;
    Scripted scripted(loop, {refused(kBusy, busy, "Retry-After-Ms: 5\r\n"),
                             refused("503 Service Unavailable", busy, ""), streamed(body),
                             refused(kBusy, spent, "Retry-After-Ms: 5\r\n")});
    ModelSetup setup = setup_for(scripted);
    const auto gate = std::make_shared<NotedGate>();
    setup.options.gate = gate;
    const auto responder = responder_of(setup);
    EXPECT_EQ(run(loop, *responder, Asked()).text, "Hi");
    EXPECT_EQ(gate->asked, 3);
    EXPECT_EQ(gate->held, std::vector{milliseconds(5)}) << "only what the provider has asked for";
    EXPECT_TRUE(run(loop, *responder, Asked()).error);
    EXPECT_EQ(gate->held.size(), 1U) << "no pause helps against a quota";
    gate->closed = true;
    const Outcome outcome = run(loop, *responder, Asked());
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->fault(), ProviderFault::rate_limited);
    EXPECT_EQ(scripted.requests.size(), 4U) << "who is not admitted does not ask";
}

awaitable<void> search(rest::Api& api, bool paced) {
    rest::ApiCall call("search", "GET", "/search");
    call.paced = paced;
    rest::Judge judge = [](const net::HttpResponse&, int) {
        return rest::Refusal{ProviderFault::rate_limited, "too often", milliseconds(3), ""};
    };
    CallContext context = call_within(std::chrono::seconds(20));
    co_await api.call(std::move(call), std::move(judge), context);
}

TEST(RateGateUse, AnApiDoesSoForCallsThatArePaced) {
    Loop loop;
    Scripted scripted(loop, {http_answer("{}", kBusy), http_answer("{}"), http_answer("{}", kBusy),
                             http_answer("{}")});
    const auto gate = std::make_shared<NotedGate>();
    rest::ApiOptions options;
    options.provider = "some";
    options.endpoint.base_url = scripted.server.url("");
    options.gate = gate;
    rest::Api api(std::make_shared<net::HttpClient>(), make_key_credential("x-key: ", "k"),
                  options);
    loop.run(search(api, true));
    EXPECT_EQ(gate->asked, 2);
    EXPECT_EQ(gate->held, std::vector{milliseconds(3)});
    loop.run(search(api, false));
    EXPECT_EQ(gate->asked, 2);
    EXPECT_EQ(gate->held.size(), 1U);
    EXPECT_EQ(scripted.requests.size(), 4U);
}

} // namespace
} // namespace mr::test
