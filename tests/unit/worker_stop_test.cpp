// Stop, through the whole worker: in every phase and tool, before a turn has begun, twice, across
// the death of its owner; and the disconnect, which is none.
#include "tests/unit/worker_chat_support.h"
#include "tests/unit/worker_pipeline_fakes.h"

namespace mr::test {
namespace {

class HangingWriter final : public SqlWriter {
    Task<SqlQuery> write(const SqlRequest&, CallContext&) override {
        co_await sleep_for(kHang);
        co_return SqlQuery{};
    }
};

class HangingEngine final : public SqlEngine {
    SqlDialect dialect() const override { return SqlDialect::sqlite; }
    Task<std::string> schema(CallContext&) override { co_return std::string(); }
    Task<SqlTable> run(const SqlQuery&, const ProjectScope&, CallContext&) override {
        co_await sleep_for(kHang);
        co_return SqlTable{};
    }
};

class HangingCrm final : public CrmSearch {
    Task<CrmHits> search(const Question&, const std::string&, const ProjectScope&,
                         CallContext&) override {
        co_await sleep_for(kHang);
        co_return CrmHits{};
    }
};

class HangingDirectory final : public ProjectDirectory {
    Task<std::vector<ProjectMatch>> lookup(const std::vector<std::string>&, CallContext&) override {
        co_await sleep_for(kHang);
        co_return std::vector<ProjectMatch>();
    }
};

// Works on for a while in spite of its cancellation, longer than a turn waits for it.
class DeafCrm final : public CrmSearch {
    Task<CrmHits> search(const Question&, const std::string&, const ProjectScope&,
                         CallContext&) override {
        co_await boost::asio::this_coro::reset_cancellation_state(
            boost::asio::disable_cancellation());
        co_await sleep_for(kWindDown * 3);
        co_return CrmHits{};
    }
};

template <typename Tool> auto tool_that(std::vector<ToolCall> calls) {
    return [calls](Services& services) {
        services.router = std::make_unique<FixedRouter>(calls);
        if constexpr (std::is_base_of_v<SqlWriter, Tool>) {
            services.sql_writer = std::make_unique<Tool>();
        } else if constexpr (std::is_base_of_v<SqlEngine, Tool>) {
            services.sql_engine = std::make_unique<Tool>();
        } else {
            services.crm = std::make_unique<Tool>();
        }
    };
}

// Where a turn hangs, and the event by which it is known to.
struct HangCase {
    std::string name;
    std::function<void(Services&)> hang;
    std::string type;
    std::string what; // phase or tool of that event
};

std::vector<HangCase> hang_cases() {
    const auto words = [](std::vector<std::string> said) {
        return [said](Services& services) {
            services.responder = std::make_unique<ScriptedResponder>(said, nullptr, true);
        };
    };
    return {
        {"extraction", [](Services& s) { s.extractor = std::make_unique<SlowExtractor>(); },
         "phase_start", "project_resolution"},
        {"lookup", [](Services& s) { s.directory = std::make_unique<HangingDirectory>(); },
         "phase_start", "project_resolution"},
        {"routing", [](Services& s) { s.router = std::make_unique<SlowRouter>(); }, "phase_start",
         "routing"},
        {"documents",
         [](Services& s) {
             s.router = std::make_unique<FixedRouter>(std::vector<ToolCall>{kDocuments, kCrm});
             s.documents = std::make_unique<SlowDocuments>(kHang);
         },
         "tool_complete", "hubspot"},
        {"SQL being written", tool_that<HangingWriter>({kSql, kChart}), "tool_start", "bigquery"},
        {"SQL being run", tool_that<HangingEngine>({kSql, kCrm}), "tool_complete", "hubspot"},
        {"CRM", tool_that<HangingCrm>({kCrm, kSql}), "tool_complete", "bigquery"},
        {"a tool that does not listen", tool_that<DeafCrm>({kCrm}), "tool_start", "hubspot"},
        {"merge", [](Services& s) { s.merger = std::make_unique<SlowMerger>(); }, "phase_start",
         "merge"},
        {"before the first word", words({}), "phase_start", "response"},
        {"between two words", words({"Well, "}), "text_chunk", ""},
    };
}

Apps pipeline_chat(const std::function<void(Services&)>& change) {
    static std::unique_ptr<Services> services; // of this process, until its end
    services = demo_services();
    change(*services);
    static const TurnFunction kAnswer = [](TurnRequest request, TurnHost& host) {
        return run_turn(std::move(request), *services, host);
    };
    Apps apps;
    apps["chat"] = chat_app(kAnswer);
    return apps;
}

void expect_stopped(const Turn& turn) {
    EXPECT_EQ(turn.status, "cancelled");
    EXPECT_GE(turn.count("text_chunk"), 1U);
    EXPECT_EQ(turn.count("tool_start"), turn.count("tool_complete"));
    ASSERT_EQ(turn.count("cancelled"), 1U);
    EXPECT_EQ((*turn.find("cancelled"))["by"], "user");
    EXPECT_EQ(turn.events.back()["type"], "response_complete");
}

TEST(WorkerStop, EndsATurnInEveryPhaseAndTool) {
    RedisFixture redis;
    demo_directory(); // made once, before the processes that share it
    for (const HangCase& one : hang_cases()) {
        SCOPED_TRACE(one.name);
        WorkerProcess worker(redis, [&] { return pipeline_chat(one.hang); });
        ChatClient client(redis);
        client.question(kQuestion);
        for (bool hangs = false; !hangs;) {
            const Event read = client.until(one.type);
            ASSERT_FALSE(read.bytes.empty());
            const Json event = parse(read);
            hangs = event.value("phase", event.value("tool", "")) == one.what;
        }
        client.mail(R"({"type":"cancel"})");
        const auto turns = client.turns(1);
        ASSERT_EQ(turns.size(), 1U);
        expect_stopped(turns[0]);
        EXPECT_TRUE(client.wait_finished());
    }
}

class Stop : public testing::Test {
  protected:
    std::unique_ptr<WorkerProcess> worker(RawSettings settings = {}) {
        return std::make_unique<WorkerProcess>(redis_, scripted_chat, std::move(settings));
    }
    RedisFixture redis_;
};

// What a client may say to stop the turn it has asked for as "m-1".
std::vector<std::string> stop_words(const std::string& turn_id) {
    return {R"({"type":"cancel"})", R"({"type":"cancel","message_id":"m-1"})",
            Json({{"type", "cancel"}, {"turn_id", turn_id}}).dump()};
}

// The owner is dead before it can read the mail: the next one finds it and answers nothing.
TEST_F(Stop, SurvivesTheDeathOfTheWorkerThatGotIt) {
    auto owner = worker();
    for (const std::string script : {"phase:a say:begun hang", "phase:a hang"}) {
        for (size_t word = 0; word < 3; ++word) {
            SCOPED_TRACE(script + " " + std::to_string(word));
            ChatClient client(redis_);
            client.ask(script, "m-1");
            const Json started = parse(client.until("turn_start"));
            client.until("phase_complete");
            owner->signal(SIGSTOP);
            client.mail(stop_words(started["turn_id"])[word]);
            owner->end(SIGKILL);
            owner = worker();
            const auto turns = client.turns(1);
            ASSERT_EQ(turns.size(), 1U);
            expect_stopped(turns[0]);
            EXPECT_EQ(turns[0].count("attempt"), 1U);
            EXPECT_TRUE(client.wait_finished());
            EXPECT_EQ(client.redis().call({"XLEN", client.keys().in_lane}).integer, 0);
        }
    }
}

// A tool that was under way with the dead owner comes to an end on the wire, too.
TEST_F(Stop, EndsTheToolsOfADeadOwner) {
    demo_directory();
    const auto hang = tool_that<HangingCrm>({kCrm});
    auto owner = std::make_unique<WorkerProcess>(redis_, [&] { return pipeline_chat(hang); });
    ChatClient client(redis_);
    client.ask(kQuestion, "m-1");
    client.until("tool_start");
    owner->signal(SIGSTOP);
    client.mail(R"({"type":"cancel","message_id":"m-1"})");
    owner->end(SIGKILL);
    const WorkerProcess next(redis_, [&] { return pipeline_chat(hang); });
    const Turn turn = client.turn();
    expect_stopped(turn);
    ASSERT_NE(turn.find("tool_complete"), nullptr);
    EXPECT_EQ((*turn.find("tool_complete"))["status"], "cancelled");
}

TEST_F(Stop, CountsMoreThanUsedUpAttempts) {
    auto owner = worker({{"max_attempts", {"1", "test"}}});
    ChatClient client(redis_);
    client.ask("phase:a say:begun hang", "m-1");
    client.until("text_chunk");
    owner->signal(SIGSTOP);
    client.mail(R"({"type":"cancel","message_id":"m-1"})");
    owner->end(SIGKILL);
    owner = worker({{"max_attempts", {"1", "test"}}});
    expect_stopped(client.turn());
}

// Asked and cancelled while no worker was there to claim it.
TEST_F(Stop, BeforePickUpIsEffectiveForAnyWorker) {
    auto first = worker();
    first->signal(SIGSTOP);
    for (size_t word = 0; word < 2; ++word) {
        SCOPED_TRACE(word);
        ChatClient client(redis_);
        client.ask("say:never die", "m-1"); // would end the worker
        client.mail(stop_words("")[word]);
        const auto second = worker();
        const Turn turn = client.turn();
        expect_stopped(turn);
        EXPECT_EQ(turn.text, "Stopped.");
        EXPECT_TRUE(client.wait_finished());
    }
    first->end(SIGKILL);
}

TEST_F(Stop, TwiceEndsOneTurn) {
    const auto only = worker();
    ChatClient client(redis_);
    client.ask("say:begun hang", "m-1");
    client.until("text_chunk");
    client.mail(R"({"type":"cancel","message_id":"m-1"})");
    client.mail(R"({"type":"cancel","message_id":"m-1"})");
    expect_stopped(client.turn());
    client.question("say:next");
    EXPECT_EQ(client.turn().text, "next ");
    EXPECT_TRUE(client.wait_finished());
}

TEST_F(Stop, MeansTheQuestionItNames) {
    const auto only = worker();
    ChatClient client(redis_);
    client.ask("say:first sleep:300 say:end", "m-1");
    client.ask("say:second", "m-2");
    client.ask("say:third", "m-3");
    client.until("text_chunk");
    client.mail(R"({"type":"cancel","message_id":"m-2"})");
    const auto turns = client.turns(3);
    ASSERT_EQ(turns.size(), 3U);
    EXPECT_EQ(turns[0].text, "first end ");
    expect_stopped(turns[1]);
    EXPECT_EQ(turns[2].text, "third ");
    EXPECT_TRUE(client.wait_finished());
}

// The question yields no turn: it was answered before, or refused. The cancel is acknowledged all
// the same, and nothing stays in the lane.
TEST_F(Stop, OfAQuestionThatYieldsNoTurnIsAcknowledged) {
    auto owner = worker();
    ChatClient client(redis_);
    client.ask("say:once", "m-1");
    client.turn();
    ASSERT_TRUE(client.wait_finished());
    const std::string questions[] = {
        R"({"type":"ask","message":"say:once","message_id":"m-1"})",
        R"({"type":"regenerate","turn_id":"unknown","message_id":"m-1"})",
    };
    for (const std::string& question : questions) {
        SCOPED_TRACE(question);
        owner->signal(SIGSTOP);
        client.mail(question);
        client.mail(R"({"type":"cancel","message_id":"m-1"})");
        owner->signal(SIGCONT);
        EXPECT_EQ(parse(client.until("cancelled"))["message_id"], "m-1");
        EXPECT_TRUE(client.wait_finished());
        EXPECT_EQ(client.redis().call({"XLEN", client.keys().in_lane}).integer, 0);
    }
}

// --- the disconnect ---------------------------------------------------------------------------

// A gateway that follows the session, as Redis sees it.
class Follower {
  public:
    Follower(const RedisFixture& redis, const SessionKeys& keys) : redis_(redis.socket_path()) {
        redis_.call({"SSUBSCRIBE", keys.out_channel});
    }

  private:
    RawRedis redis_;
};

TEST_F(Stop, ADetachOfOneGatewayIsNoneWhileAnotherFollows) {
    const auto only = worker({{"resume_window", {"1s", "test"}}});
    ChatClient client(redis_);
    const Follower other(redis_, client.keys());
    client.question("say:patience sleep:3500 say:rewarded");
    client.until("text_chunk");
    client.mail("", MailKind::detach);
    const Turn turn = client.turn();
    EXPECT_EQ(turn.status, "ok");
    EXPECT_EQ(turn.text, "patience rewarded ");
    EXPECT_TRUE(client.wait_finished());
}

// The other one goes too, and says so, or dies without a word.
TEST_F(Stop, TheLastFollowerOfAllCounts) {
    const auto only = worker({{"resume_window", {"1s", "test"}}});
    for (const bool says_so : {true, false}) {
        SCOPED_TRACE(says_so);
        ChatClient client(redis_);
        auto other = std::make_unique<Follower>(redis_, client.keys());
        client.question("say:alone hang");
        client.until("text_chunk");
        client.mail("", MailKind::detach);
        std::this_thread::sleep_for(std::chrono::milliseconds(1300)); // the course of events
        other.reset();
        if (says_so) {
            client.mail("", MailKind::detach);
        }
        const Turn turn = client.turn();
        EXPECT_EQ(turn.status, "cancelled");
        EXPECT_EQ((*turn.find("cancelled"))["by"], "disconnect");
        EXPECT_TRUE(client.wait_finished());
        EXPECT_EQ(client.redis().call({"XLEN", client.keys().in_lane}).integer, 0);
    }
}

TEST_F(Stop, ADetachSurvivesItsOwner) {
    auto owner = worker({{"resume_window", {"1s", "test"}}});
    ChatClient client(redis_);
    client.question("say:alone hang");
    client.until("text_chunk");
    client.mail("", MailKind::detach);
    owner->end(SIGKILL);
    owner = worker({{"resume_window", {"1s", "test"}}});
    const Turn turn = client.turn();
    EXPECT_EQ(turn.status, "cancelled");
    EXPECT_EQ((*turn.find("cancelled"))["by"], "disconnect");
    EXPECT_EQ(turn.count("attempt"), 1U);
}

} // namespace
} // namespace mr::test
