// The chat app around the pipeline: the wire format of turns and errors, serial turns, repeated
// questions, cancellation at every moment, history, disconnects, the budget.
#include "tests/unit/worker_chat_support.h"

namespace mr::test {
namespace {

class WorkerChat : public testing::Test {
  protected:
    void start(RawSettings settings = {}) {
        worker_ = std::make_unique<WorkerProcess>(redis_, scripted_chat, std::move(settings));
        client_ = std::make_unique<ChatClient>(redis_);
    }
    ChatClient& client() { return *client_; }

    RedisFixture redis_;
    std::unique_ptr<WorkerProcess> worker_;
    std::unique_ptr<ChatClient> client_;
};

TEST_F(WorkerChat, ATurnHasTheOriginalsFieldsFirst) {
    start();
    client().question("phase:routing say:Hello say:wörld");
    const auto events = client().read_until([](const std::vector<Event>& have) {
        return !have.empty() && (have.back().flags & kEventTerminal) != 0;
    });
    const auto turns = split_turns(events);
    ASSERT_EQ(turns.size(), 1u);
    EXPECT_EQ(turns[0].text, "Hello wörld ");
    EXPECT_EQ(turns[0].status, "ok");
    std::vector<std::string> strict;
    for (const Event& event : events) {
        if ((event.flags & kEventV2Only) == 0) {
            strict.push_back(event.bytes.substr(0, event.v1_length) + "}");
        }
    }
    const std::vector<std::string> expected = {
        R"({"type":"phase_start","phase":"routing","message":"Doing routing..."})",
        R"({"type":"phase_complete","phase":"routing","data":{"found":1}})",
        R"({"type":"text_chunk","content":"Hello "})",
        R"({"type":"text_chunk","content":"wörld "})",
        R"({"type":"response_complete","sources":[]})",
    };
    EXPECT_EQ(strict, expected);
    const Json end = turns[0].events.back();
    EXPECT_TRUE(end["timings"].contains("queue_ms"));
    EXPECT_EQ(end["trace_id"].get<std::string>().size(), 32u);
    EXPECT_EQ(turns[0].events.front()["type"], "turn_start");
}

struct BadInput {
    std::string bytes;
    MailKind kind;
    std::string code;
};

TEST_F(WorkerChat, BadInputIsAnsweredAndTheSessionLives) {
    start({{"max_message_bytes", {"100", "test"}}});
    std::string deep(5000, '[');
    const BadInput inputs[] = {
        {"not json", MailKind::text, "bad_json"},
        {"", MailKind::text, "bad_json"},
        {"{\"message\":\"x\"", MailKind::text, "bad_json"},
        {"[1,2]", MailKind::text, "bad_request"},
        {"\"text\"", MailKind::text, "bad_request"},
        {deep, MailKind::text, "bad_request"},
        {R"({"message":5})", MailKind::text, "bad_request"},
        {R"({"message":"x","context":[]})", MailKind::text, "bad_request"},
        {R"({"type":5})", MailKind::text, "bad_request"},
        {R"({"type":"dance"})", MailKind::text, "unsupported_type"},
        {R"({"message":""})", MailKind::text, "empty_message"},
        {R"({})", MailKind::text, "empty_message"},
        {R"({"message":" \t\n\u00a0\u3000"})", MailKind::text, "empty_message"},
        {R"({"type":"ask","message":"","message_id":"m"})", MailKind::text, "empty_message"},
        {"{\"message\":\"" + std::string(101, 'x') + "\"}", MailKind::text, "too_large"},
        {R"({"type":"ask","message":"x","on_busy":"maybe"})", MailKind::text, "bad_request"},
        {R"({"type":"regenerate"})", MailKind::text, "bad_request"},
        {R"({"type":"regenerate","turn_id":"unknown"})", MailKind::text, "bad_request"},
        {R"({"type":"feedback","turn_id":"t","rating":3})", MailKind::text, "bad_request"},
        {R"({"type":"feedback","turn_id":"unknown","rating":1})", MailKind::text, "bad_request"},
        {"\x01\x02", MailKind::binary, "unsupported_data"},
    };
    for (const BadInput& input : inputs) {
        client().mail(input.bytes, input.kind);
        const Json error = parse(client().until("error"));
        EXPECT_EQ(error["code"], input.code) << input.bytes;
        EXPECT_EQ(error["fatal"], false);
    }
    client().question("say:fine");
    EXPECT_EQ(client().turn().text, "fine ");
    EXPECT_TRUE(client().wait_finished());
}

TEST_F(WorkerChat, TheEmptyMessageErrorIsTheOriginals) {
    start();
    client().question("  ");
    const Event event = client().until("error");
    EXPECT_TRUE(
        event.bytes.starts_with(R"({"type":"error","message":"Message cannot be empty","id":)"))
        << event.bytes;
    EXPECT_EQ(event.bytes.substr(0, event.v1_length),
              R"({"type":"error","message":"Message cannot be empty")");
}

TEST_F(WorkerChat, PingComesBackWithItsTime) {
    start();
    client().mail(R"({"type":"ping","t":12.5})");
    const Event pong = client().until("pong");
    EXPECT_EQ(parse(pong)["t"], 12.5);
    EXPECT_NE(pong.flags & kEventV2Only, 0);
    EXPECT_NE(pong.flags & kEventTerminal, 0) << "nothing is in flight behind it";
}

TEST_F(WorkerChat, TurnsOfASessionAreSerial) {
    start();
    for (int i = 0; i < 6; ++i) {
        client().question("say:" + std::to_string(i) + " sleep:15 say:end");
    }
    const auto turns = client().turns(6);
    ASSERT_EQ(turns.size(), 6u);
    for (size_t i = 0; i < turns.size(); ++i) {
        EXPECT_EQ(turns[i].text, std::to_string(i) + " end ");
    }
    EXPECT_TRUE(client().wait_finished());
    EXPECT_EQ(client().redis().call({"EXISTS", client().keys().in_lane}).integer, 0);
}

TEST_F(WorkerChat, TextIsMergedWithinTheWindowAndTheFirstComesAtOnce) {
    start({{"text_window", {"50ms", "test"}}});
    client().question("count:100");
    const Turn turn = client().turn();
    EXPECT_EQ(turn.events[1]["content"], "0 ");
    EXPECT_LT(turn.count("text_chunk"), 40u);
    std::string all;
    for (int i = 0; i < 100; ++i) {
        all += std::to_string(i) + " ";
    }
    EXPECT_EQ(turn.text, all);
}

TEST_F(WorkerChat, ARepeatedMessageIdYieldsNoSecondTurn) {
    start();
    client().ask("say:one sleep:50", "m-1");
    client().ask("say:one sleep:50", "m-1"); // while it waits or runs
    client().ask("say:two", "m-2");
    const auto turns = client().turns(2);
    ASSERT_EQ(turns.size(), 2u);
    EXPECT_EQ(turns[0].text, "one ");
    EXPECT_EQ(turns[1].text, "two ");
    EXPECT_EQ((*turns[0].find("turn_start"))["message_id"], "m-1");
    ASSERT_TRUE(client().wait_finished());
    client().ask("say:one", "m-1"); // long after, to a new owner
    client().ask("say:three", "m-3");
    EXPECT_EQ(client().turn().text, "three ");
    EXPECT_TRUE(client().wait_finished());
}

TEST_F(WorkerChat, TheSameWordsAreAnotherQuestionAndTheSameMailIsNot) {
    start();
    client().question("say:one sleep:50");
    client().mail_again();
    client().question("say:one sleep:50");
    client().question("say:two");
    const auto turns = client().turns(3);
    ASSERT_EQ(turns.size(), 3u);
    EXPECT_EQ(turns[0].text, "one ");
    EXPECT_EQ(turns[1].text, "one ");
    EXPECT_EQ(turns[2].text, "two ");
    EXPECT_TRUE(client().wait_finished());
}

TEST_F(WorkerChat, OnBusyDecidesAboutTheNextQuestion) {
    start({{"max_queued_questions", {"1", "test"}}});
    client().question("say:first hang");
    client().until("text_chunk");
    client().ask("say:no", "r", "reject");
    EXPECT_EQ(parse(client().until("error"))["code"], "busy");
    client().ask("say:second", "q", "enqueue");
    client().ask("say:third", "f", "enqueue");
    const Json full = parse(client().until("error"));
    EXPECT_EQ(full["code"], "busy");
    EXPECT_EQ(full["message_id"], "f");
    client().ask("say:now", "c", "cancel");
    const auto turns = client().turns(3);
    ASSERT_EQ(turns.size(), 3u);
    EXPECT_EQ(turns[0].status, "cancelled");
    EXPECT_EQ((*turns[0].find("cancelled"))["by"], "superseded");
    EXPECT_EQ(turns[1].status, "cancelled");
    EXPECT_EQ(turns[2].text, "now ");
    EXPECT_TRUE(client().wait_finished());
}

TEST_F(WorkerChat, CancelStopsTheRunningTurn) {
    start();
    client().question("phase:a say:begun hang");
    client().until("text_chunk");
    client().mail(R"({"type":"cancel"})");
    const auto turns = client().turns(1);
    ASSERT_EQ(turns.size(), 1u);
    EXPECT_EQ(turns[0].status, "cancelled");
    EXPECT_EQ((*turns[0].find("cancelled"))["by"], "user");
    client().question("say:next");
    EXPECT_EQ(client().turn().text, "next ");
    EXPECT_TRUE(client().wait_finished());
}

TEST_F(WorkerChat, CancelBeforeTheTurnBeganStillEndsIt) {
    start();
    worker_->signal(SIGSTOP);
    client().ask("say:never hang", "m-1");
    client().mail(R"({"type":"cancel","message_id":"m-1"})");
    worker_->signal(SIGCONT);
    const Turn turn = client().turn();
    EXPECT_EQ(turn.status, "cancelled");
    EXPECT_EQ(turn.text, "Stopped.");
    EXPECT_TRUE(client().wait_finished());
}

TEST_F(WorkerChat, CancelWithNothingRunningIsAcknowledged) {
    start();
    client().mail(R"({"type":"cancel"})");
    EXPECT_EQ(parse(client().until("cancelled"))["by"], "user");
    client().question("say:x");
    const Turn turn = client().turn();
    client().mail(Json({{"type", "cancel"}, {"turn_id", turn.id}}).dump());
    EXPECT_EQ(parse(client().until("cancelled"))["turn_id"], turn.id);
    EXPECT_TRUE(client().wait_finished());
}

// A cancel at every moment of a turn's life: always one terminal event, never a stuck session.
TEST_F(WorkerChat, CancelAtRandomMomentsEndsTheTurnOnce) {
    start({{"text_window", {"1ms", "test"}}});
    for (int i = 0; i < 60; ++i) {
        client().question("phase:a say:one sleep:2 phase:b say:two sleep:2 say:three");
        std::this_thread::sleep_for(std::chrono::microseconds(200 * i));
        client().mail(R"({"type":"cancel"})");
        const Turn turn = client().turn();
        EXPECT_TRUE(turn.status == "ok" || turn.status == "cancelled") << turn.status;
        EXPECT_EQ(turn.count("response_complete"), 1u);
    }
    EXPECT_TRUE(client().wait_finished());
    EXPECT_EQ(client().redis().call({"XLEN", client().keys().in_lane}).integer, 0);
}

TEST_F(WorkerChat, FailuresBecomeAnErrorAndACompleteTurn) {
    start();
    const std::pair<std::string, std::string> cases[] = {
        {"say:some fail", "the script says so"},
        {"fail", "the script says so"},
        {"boom", "The question could not be answered"},
    };
    for (const auto& entry : cases) {
        client().question(entry.first);
        const Turn turn = client().turn();
        EXPECT_EQ(turn.status, "error");
        ASSERT_NE(turn.find("error"), nullptr);
        EXPECT_EQ((*turn.find("error"))["message"], entry.second);
        EXPECT_NE(turn.text.find("I encountered an issue: "), std::string::npos);
        EXPECT_EQ(turn.text.find("secret"), std::string::npos);
    }
    EXPECT_TRUE(client().wait_finished());
}

TEST_F(WorkerChat, AnEmptyAnswerStillHasText) {
    start();
    client().question("phase:a");
    EXPECT_FALSE(client().turn().text.empty());
}

TEST_F(WorkerChat, TheBudgetEndsATurn) {
    start({{"turn_budget", {"1s", "test"}}});
    client().question("say:slow hang");
    const Turn turn = client().turn();
    EXPECT_EQ(turn.status, "error");
    EXPECT_EQ((*turn.find("error"))["code"], "turn_timeout");
    EXPECT_TRUE(client().wait_finished());
}

// Its last moment is the pipeline's: what was said stays an answer.
TEST_F(WorkerChat, ATurnThatEndsWithItsBudgetKeepsItsText) {
    start({{"turn_budget", {"1s", "test"}}});
    client().question("say:slow budget");
    const Turn turn = client().turn();
    EXPECT_EQ(turn.status, "partial");
    EXPECT_EQ(turn.text, "slow ");
    EXPECT_EQ(turn.find("error"), nullptr);
    EXPECT_TRUE(client().wait_finished());
}

TEST_F(WorkerChat, TheConversationIsRemembered) {
    start();
    client().question("history");
    EXPECT_EQ(client().turn().text, "0/null");
    ASSERT_TRUE(client().wait_finished());
    client().question("history");
    const Turn second = client().turn();
    EXPECT_EQ(second.text, "2/{\"said\":6}");
    client().question("fail");
    client().turn();
    client().question("history"); // failed turns are not part of it
    EXPECT_TRUE(client().turn().text.starts_with("4/"));
    Json again;
    again["type"] = "regenerate";
    again["turn_id"] = second.id;
    client().mail(again.dump());
    const Turn regenerated = client().turn();
    EXPECT_EQ(regenerated.text, "2/{\"said\":6}") << "the history before the turn it replaces";
    again = Json({{"type", "feedback"}, {"turn_id", regenerated.id}, {"rating", -1}});
    client().mail(again.dump());
    ASSERT_TRUE(client().wait_finished());
    const auto list = client().redis().call({"LRANGE", client().keys().history, "0", "-1"});
    ASSERT_EQ(list.elements.size(), 4u);
    EXPECT_EQ(Json::parse(list.elements[3].text)["rating"], -1);
    EXPECT_EQ(Json::parse(list.elements[3].text)["turn_id"], regenerated.id);
}

TEST_F(WorkerChat, HistoryIsBounded) {
    start({{"history_messages", {"4", "test"}}});
    for (int i = 0; i < 5; ++i) {
        client().question("say:" + std::to_string(i));
        client().turn();
    }
    client().question("history");
    EXPECT_TRUE(client().turn().text.starts_with("4/"));
}

TEST_F(WorkerChat, ATurnThatNobodyFollowsIsCancelledAfterTheWindow) {
    start({{"resume_window", {"1s", "test"}}});
    client().question("say:alone hang");
    client().until("text_chunk");
    client().mail("", MailKind::detach);
    const Turn turn = client().turn();
    EXPECT_EQ(turn.status, "cancelled");
    EXPECT_EQ((*turn.find("cancelled"))["by"], "disconnect");
    EXPECT_TRUE(client().wait_finished());
}

TEST_F(WorkerChat, SomebodyWhoComesBackKeepsTheTurn) {
    start({{"resume_window", {"1s", "test"}}});
    client().question("say:patience sleep:2500 say:rewarded");
    client().until("text_chunk");
    client().mail("", MailKind::detach);
    client().mail("", MailKind::attach);
    const auto turns = client().turns(1);
    ASSERT_EQ(turns.size(), 1u);
    EXPECT_EQ(turns[0].status, "ok");
    EXPECT_TRUE(client().wait_finished());
}

TEST_F(WorkerChat, TheSnapshotHoldsTheWholeTurn) {
    start();
    client().question("phase:routing count:20");
    const Turn turn = client().turn();
    ASSERT_TRUE(client().wait_finished());
    const auto value = client().redis().call({"GET", client().keys().snapshot});
    const auto snapshot = decode_snapshot(as_bytes(value.text));
    ASSERT_TRUE(snapshot.has_value());
    EXPECT_LE(snapshot->id, client().cursor());
    EXPECT_EQ(snapshot->since, EventId{}) << "nothing but a takeover record is before it";
    EXPECT_EQ(snapshot->flags, kSnapshotEnded);
    const Json event = Json::parse(snapshot->event);
    EXPECT_EQ(event["type"], "text_snapshot");
    EXPECT_EQ(event["content"], turn.text);
    EXPECT_EQ(event["turn_id"], turn.id);
    EXPECT_EQ(event["status"], "ok");
    const Json& end = *turn.find("response_complete");
    for (const char* field : {"timings", "trace_id", "text_length"}) {
        EXPECT_EQ(event[field], end[field]) << field;
    }
    EXPECT_EQ(event["phases"][0]["phase"], "routing");
    EXPECT_EQ(event["phases"][0]["status"], "ok");
}

// After everything a session may do, its last word to the gateway is that nothing is in flight.
TEST_F(WorkerChat, TheLastEventOfAnIdleSessionIsTerminal) {
    start();
    client().question("say:x sleep:20");
    client().mail(R"({"type":"ping","t":1})"); // beside the running turn
    std::vector<Event> events = client().read_until([](const std::vector<Event>& have) {
        return !have.empty() && have.back().bytes.starts_with("{\"type\":\"idle\"");
    });
    ASSERT_FALSE(events.empty());
    EXPECT_NE(events.back().flags & kEventTerminal, 0);
    EXPECT_NE(events.back().flags & kEventV2Only, 0);
    EXPECT_TRUE(client().wait_finished());
}

} // namespace
} // namespace mr::test
