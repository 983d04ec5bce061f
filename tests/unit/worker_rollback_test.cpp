// Redis goes back in time under running turns, as a failover to a replica that lacked the last
// writes makes it, or a restart that lost them: `SAVE` marks the moment, a killed server that loads
// it again is the fall. What a live worker still knows it puts back; nobody sees an event twice,
// nobody waits for ever, every question has one end.
#include "tests/unit/worker_chat_support.h"

#include <map>
#include <utility>

namespace mr::test {
namespace {

using std::chrono::milliseconds;

const RawSettings kPatient = {{"lease", {"10s", "test"}}};

class WorkerRollback : public testing::Test {
  protected:
    void mark() {
        RawRedis raw(redis_.socket_path());
        EXPECT_EQ(raw.call({"SAVE"}).text, "OK");
    }
    void fall_back(milliseconds away = milliseconds(0)) {
        redis_.kill_hard();
        std::this_thread::sleep_for(away); // the length of the fault
        redis_.start();
    }

    RedisFixture redis_;
};

std::string counted(int to) {
    std::string text;
    for (int i = 0; i < to; ++i) {
        text += std::to_string(i) + " ";
    }
    return text;
}

using Log = std::map<std::string, std::string>; // bytes by id

Log log_of(ChatClient& client) {
    Log log;
    const auto entries = client.redis().call({"XRANGE", client.keys().out_lane, "-", "+"});
    for (const redis::Value& entry : entries.elements) {
        log[entry.at(0).text] = entry.at(1).at(1).text;
    }
    return log;
}

// A follower that has seen what Redis has forgotten gets the rest as if nothing had been.
TEST_F(WorkerRollback, LostEventsAreAppendedAgainUnderTheirIds) {
    WorkerProcess worker(redis_, scripted_chat, kPatient);
    for (int round = 0; round < 4; ++round) {
        ChatClient client(redis_);
        client.question("phase:a say:x count:200 sleep:" + std::to_string(round * 200) +
                        " count:200 phase:b say:end");
        client.until("text_chunk");
        mark();
        const EventId marked = client.cursor();
        while (client.cursor().seq < marked.seq + 3) {
            client.until("text_chunk");
        }
        const Log before = log_of(client);
        fall_back();
        client.reconnect();
        const Turn turn = client.turn();
        EXPECT_EQ(turn.text, "x " + counted(200) + counted(200) + "end ");
        Log after = log_of(client);
        for (const auto& [id, bytes] : before) {
            EXPECT_EQ(after[id], bytes) << id << " is what it was, byte for byte";
        }
        EXPECT_EQ(turn.status, "ok");
        EXPECT_EQ(turn.count("attempt"), 0u);
        EXPECT_EQ(client.attempts().size(), 1u) << "the same owner went on";
        EXPECT_TRUE(client.wait_finished());
    }
}

// The end of a turn and its cleared checkpoint are lost while the session lingers.
TEST_F(WorkerRollback, ATurnThatHadEndedHasStillEnded) {
    RawSettings settings = kPatient;
    settings["linger"] = {"3s", "test"};
    WorkerProcess worker(redis_, scripted_chat, settings);
    ChatClient client(redis_);
    client.question("phase:a say:one sleep:100 say:two");
    client.until("text_chunk");
    mark();
    const Turn turn = client.turn();
    EXPECT_EQ(turn.text, "one two ");
    const EventId end = client.cursor();
    fall_back();
    client.reconnect();
    EXPECT_TRUE(client.wait_finished(milliseconds(15000)));
    const auto top =
        client.redis().call({"XREVRANGE", client.keys().out_lane, "+", "-", "COUNT", "1"});
    EXPECT_EQ(parse_event_id(top.at(0).at(0).text), end) << "put back, and nothing behind it";
    client.question("say:next");
    EXPECT_EQ(client.turn().text, "next ");
}

// What the log says, from its beginning; a snapshot stands for the text of its turn.
struct Told {
    std::string text; // of the turns that have ended
    std::string turn;
    size_t ends = 0;

    void take(const Json& event) {
        if (event["type"] == "text_chunk") {
            turn += event["content"].get<std::string>();
        } else if (event["type"] == "text_snapshot") {
            turn = event["content"].get<std::string>();
        } else if (event["type"] == "response_complete") {
            ++ends;
            text += std::exchange(turn, {});
        }
    }
};

Told told(ChatClient& client) {
    Told all;
    const auto log = client.redis().call({"XRANGE", client.keys().out_lane, "-", "+"});
    for (const redis::Value& entry : log.elements) {
        auto batch = BatchReader::open(as_bytes(entry.at(1).at(1).text));
        while (batch && batch->header().kind == BatchKind::events) {
            const auto event = batch->next();
            if (!event) {
                break;
            }
            all.take(Json::parse(as_text(event->bytes)));
        }
    }
    return all;
}

struct Forgotten {
    const char* what;
    bool known_session; // it had an answer before
    bool mail_survives;
};

// The claim itself is lost, with or without the question: the turn is taken up anew, once.
TEST_F(WorkerRollback, AForgottenClaimIsMadeAgain) {
    for (const Forgotten& row : {Forgotten{"all of a new session", false, false},
                                 Forgotten{"all but the question", false, true},
                                 Forgotten{"all of the second turn", true, false},
                                 Forgotten{"the second turn but the question", true, true}}) {
        SCOPED_TRACE(row.what);
        WorkerProcess worker(redis_, scripted_chat, kPatient);
        ChatClient client(redis_);
        if (row.known_session) {
            client.question("say:before");
            client.turn();
            ASSERT_TRUE(client.wait_finished());
        }
        if (!row.mail_survives) {
            mark();
        }
        worker.signal(SIGSTOP); // so that the question is there and nothing has come of it
        client.question("phase:a say:one sleep:600 phase:b say:two");
        if (row.mail_survives) {
            mark();
        }
        worker.signal(SIGCONT);
        client.until("text_chunk");
        fall_back();
        client.reconnect();
        const size_t turns = row.known_session ? 2 : 1;
        ASSERT_TRUE(TestSession::wait([&] { return told(client).ends == turns && !client.owned(); },
                                      milliseconds(15000)));
        EXPECT_EQ(told(client).text, row.known_session ? "before one two " : "one two ");
        EXPECT_EQ(client.redis().call({"XLEN", client.keys().in_lane}).integer, 0);
    }
}

// Mail that was dealt with comes back, and its numbers are given out a second time.
TEST_F(WorkerRollback, MailIsKnownByMoreThanItsNumber) {
    WorkerProcess worker(redis_, scripted_chat, kPatient);
    ChatClient client(redis_);
    client.question("phase:a say:one sleep:2500 say:two");
    client.until("text_chunk");
    const auto ping = [&client](int t) {
        client.mail("{\"type\":\"ping\",\"t\":" + std::to_string(t) + "}");
    };
    mark(); // the next mail will be forgotten, its number used again
    ping(1);
    EXPECT_EQ(parse(client.until("pong"))["t"], 1);
    fall_back();
    client.reconnect();
    ASSERT_TRUE(TestSession::wait([&] { return client.redis().call({"PING"}).text == "PONG"; },
                                  milliseconds(5000)));
    ping(2);
    EXPECT_EQ(parse(client.until("pong"))["t"], 2);
    const Turn turn = client.turn();
    EXPECT_EQ(turn.text, "one two ");
    EXPECT_TRUE(client.wait_finished());
}

// A mark between a question's arrival and its checkpoint: it is in the lane again, beside the turn
// that it began.
TEST_F(WorkerRollback, AQuestionThatComesBackIsNotAskedTwice) {
    WorkerProcess worker(redis_, scripted_chat, kPatient);
    ChatClient client(redis_);
    client.question("say:first sleep:700 say:done");
    client.until("text_chunk");
    client.question("say:second sleep:400 say:done"); // waits in the lane
    ASSERT_TRUE(TestSession::wait(
        [&] { return client.redis().call({"XLEN", client.keys().in_lane}).integer == 1; },
        milliseconds(2000)));
    mark();
    const std::vector<Turn> first = client.turns(1);
    EXPECT_EQ(first.at(0).text, "first done ");
    client.until("text_chunk"); // of the second: its mail has been consumed
    fall_back();
    client.reconnect();
    client.turns(1);
    EXPECT_TRUE(client.wait_finished());
    size_t ends = 0;
    for (const Event& event : client.seen()) {
        ends += parse(event)["type"] == "response_complete" ? 1U : 0U;
    }
    EXPECT_EQ(ends, 2u);
    client.question("say:third");
    EXPECT_EQ(client.turn().text, "third ");
}

// A Redis that is away for longer than the lease is not the fault of the turn.
TEST_F(WorkerRollback, AnAbsentRedisCostsNoAttempt) {
    WorkerProcess worker(redis_, scripted_chat, {{"max_attempts", {"2", "test"}}});
    ChatClient client(redis_);
    std::string script = "phase:a";
    for (int i = 0; i < 5; ++i) {
        script += " say:" + std::to_string(i) + " sleep:1200";
    }
    client.question(script + " say:end");
    for (int round = 0; round < 3; ++round) {
        client.until("text_chunk");
        mark();
        fall_back(milliseconds(1600));
        client.reconnect();
    }
    const Turn turn = client.turn();
    EXPECT_EQ(turn.status, "ok");
    EXPECT_EQ(turn.text, "0 1 2 3 4 end ");
    EXPECT_TRUE(client.wait_finished());
}

} // namespace
} // namespace mr::test
