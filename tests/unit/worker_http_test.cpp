// Mail of HTTP requests that wait for one object: the object behind the terminal event, errors with
// their status, requests that go away, owners that die before they have answered.
#include "shared/one_answer.h"
#include "tests/unit/worker_chat_support.h"

namespace mr::test {
namespace {

constexpr uint8_t kFlags = kMailV2 | kMailAnswer;

// Mails in the name of any connection.
class HttpSession : public TestSession {
  public:
    explicit HttpSession(const RedisFixture& redis) : TestSession(redis, "chat") {}

    void mail(std::string_view payload, MailKind kind, uint8_t flags, uint64_t connection = 7) {
        Buffer bytes;
        Mail mail;
        mail.kind = kind;
        mail.flags = flags;
        mail.connection = connection;
        mail.number = ++mails_;
        mail.payload = as_bytes(payload);
        ASSERT_TRUE(encode_mail(bytes, mail));
        const redis::Value reply =
            redis().call({"EVAL", kMailScript.text, "5", keys().meta, keys().in_lane, keys().leases,
                          keys().jobs, keys().in_channel, id(), "chat", bytes.text(), "", "1000",
                          "16777216", "100000", "86400000"});
        ASSERT_FALSE(reply.is_error()) << reply.text;
    }

  private:
    uint32_t mails_ = 0;
};

class WorkerHttp : public testing::Test {
  protected:
    void start() { worker_ = std::make_unique<WorkerProcess>(redis_, scripted_chat); }

    void ask(const std::string& message, uint64_t connection = 7,
             const std::string& message_id = "") {
        Json json;
        json["message"] = message;
        if (!message_id.empty()) {
            json["message_id"] = message_id;
        }
        session_.mail(json.dump(), MailKind::http, kFlags, connection);
    }
    // Up to the next answer, which is the last one of `events_`.
    OneAnswer answer() {
        events_ = session_.read_until(
            [](const auto& have) { return !have.empty() && (have.back().flags & kEventAnswer); });
        const auto one = decode_one_answer(as_bytes(events_.back().bytes));
        EXPECT_TRUE(one.has_value());
        return one.value_or(OneAnswer());
    }

    RedisFixture redis_;
    HttpSession session_{redis_};
    std::unique_ptr<WorkerProcess> worker_;
    std::vector<Event> events_;
};

Json body_of(const OneAnswer& answer) {
    return Json::parse(as_text(answer.body));
}

TEST_F(WorkerHttp, TheObjectFollowsTheTerminalEvent) {
    start();
    ask("phase:routing say:Hello", 42);
    const OneAnswer one = answer();
    EXPECT_EQ(one.connection, 42u);
    EXPECT_EQ(one.status, 200);
    ASSERT_GE(events_.size(), 2u);
    const Event& end = events_[events_.size() - 2];
    EXPECT_NE(end.flags & kEventTerminal, 0);
    EXPECT_NE(events_.back().flags & kEventTerminal, 0) << "nothing is in flight behind it";
    EXPECT_NE(events_.back().flags & kEventV2Only, 0);
    const Json body = body_of(one);
    std::vector<std::string> names;
    for (const auto& field : body.items()) {
        names.push_back(field.key());
    }
    EXPECT_EQ(names, (std::vector<std::string>{"response", "sources", "phases", "tools",
                                               "session_id", "turn_id", "usage", "timings",
                                               "status", "charts", "trace_id"}));
    EXPECT_EQ(body["response"], "Hello ");
    EXPECT_EQ(body["phases"][0]["phase"], "routing");
    EXPECT_EQ(body["session_id"], session_.id());
    EXPECT_EQ(body["turn_id"], parse(end)["turn_id"]);
}

// Also while the answer is out and not remembered yet.
TEST_F(WorkerHttp, TheSameQuestionAtOnceAgainHasTheSameAnswer) {
    start();
    for (int round = 0; round < 100; ++round) {
        const std::string id = "m-" + std::to_string(round);
        ask("say:" + id, 7, id);
        const OneAnswer first = answer();
        ASSERT_EQ(first.status, 200);
        const std::string body(as_text(first.body));
        ask("say:" + id, 8, id);
        const OneAnswer again = answer();
        ASSERT_EQ(again.status, 200) << "round " << round << ": " << as_text(again.body);
        EXPECT_EQ(as_text(again.body), body);
    }
}

TEST_F(WorkerHttp, AFailedTurnIsAnError) {
    start();
    ask("fail");
    const OneAnswer one = answer();
    EXPECT_EQ(one.status, 500);
    const Json error = body_of(one)["error"];
    EXPECT_EQ(error["code"], "turn_failed");
    EXPECT_EQ(error["trace_id"].get<std::string>().size(), 32u);
}

TEST_F(WorkerHttp, BadInputIsAnError) {
    start();
    session_.mail("{", MailKind::http, kFlags);
    const OneAnswer one = answer();
    EXPECT_EQ(one.status, 400);
    EXPECT_EQ(body_of(one)["error"]["code"], "bad_json");
}

TEST_F(WorkerHttp, NobodyIsAnsweredWhoDoesNotWait) {
    start();
    session_.mail(R"({"message":"say:x"})", MailKind::http, kMailV2);
    const auto events = session_.read_until([](const auto& have) {
        return !have.empty() && (have.back().flags & kEventTerminal) != 0;
    });
    EXPECT_EQ(parse(events.back())["type"], "response_complete");
    EXPECT_TRUE(session_.wait_finished());
    EXPECT_TRUE(session_.read(std::chrono::milliseconds(1)).empty());
}

TEST_F(WorkerHttp, ARequestThatGoesAwayTakesItsQuestionAlong) {
    start();
    ask("say:x hang", 5);
    session_.read_until([](const auto& have) {
        return !have.empty() && have.back().bytes.find("text_chunk") != std::string::npos;
    });
    session_.mail("", MailKind::abandon, 0, 6); // of another request
    session_.mail("", MailKind::abandon, 0, 5);
    const auto events = session_.read_until([](const auto& have) {
        return !have.empty() && (have.back().flags & kEventTerminal) != 0;
    });
    EXPECT_EQ(parse(events.back())["status"], "cancelled");
    EXPECT_TRUE(session_.wait_finished());
}

// The log has the end of the turn, the object is missing: the next owner makes it.
TEST_F(WorkerHttp, AnOwnerThatDiesBeforeItHasAnswered) {
    start();
    ask("say:x hang", 9);
    const auto events = session_.read_until([](const auto& have) {
        return !have.empty() && have.back().bytes.find("text_chunk") != std::string::npos;
    });
    worker_->end(SIGKILL);
    Json end;
    end["type"] = "response_complete";
    end["sources"] = Json::array();
    end["turn_id"] = parse(events.back())["turn_id"];
    end["status"] = "ok";
    end["timings"]["total_ms"] = 5;
    const EventId last = session_.cursor();
    const std::string text = end.dump();
    Buffer bytes;
    BatchWriter batch(bytes);
    ASSERT_TRUE(batch.begin(last.epoch, last.seq + 1));
    ASSERT_TRUE(batch.add(kEventTerminal, as_bytes(text)));
    const EventIdText id = format_event_id({last.epoch, last.seq + 1});
    session_.redis().call({"XADD", session_.keys().out_lane, id.view(), "d", bytes.text()});
    start();
    const OneAnswer one = answer();
    EXPECT_EQ(one.connection, 9u);
    EXPECT_EQ(one.status, 200);
    EXPECT_EQ(body_of(one)["response"], "x ");
    EXPECT_EQ(body_of(one)["timings"]["total_ms"], 5);
    EXPECT_TRUE(session_.wait_finished());
}

} // namespace
} // namespace mr::test
