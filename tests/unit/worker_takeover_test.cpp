// Turns that outlive their owner: killed, frozen beyond the lease, stopped gracefully, cut off from
// Redis, robbed of Redis's data. The client always sees one turn: text continued and never
// repeated, phases once, exactly one terminal event.
#include "tests/unit/worker_chat_support.h"

namespace mr::test {
namespace {

constexpr const char* kLongTurn =
    "phase:a say:one sleep:30 phase:b count:60 sleep:30 phase:c say:end";

std::string long_turn_text() {
    std::string text = "one ";
    for (int i = 0; i < 60; ++i) {
        text += std::to_string(i) + " ";
    }
    return text + "end ";
}

void expect_one_whole_turn(const std::vector<Turn>& turns) {
    ASSERT_EQ(turns.size(), 1u);
    const Turn& turn = turns[0];
    EXPECT_EQ(turn.text, long_turn_text());
    EXPECT_EQ(turn.status, "ok");
    EXPECT_EQ(turn.count("turn_start"), 1u);
    std::vector<std::string> phases;
    for (const Json& event : turn.events) {
        if (event["type"] == "phase_complete") {
            phases.push_back(event["phase"]);
        }
    }
    // A phase whose checkpoint was not durable yet is run again: at most the one under way.
    phases.erase(std::unique(phases.begin(), phases.end()), phases.end());
    EXPECT_EQ(phases, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(WorkerTakeover, AKilledOwnersTurnGoesOnWhereItStood) {
    RedisFixture redis;
    std::unique_ptr<WorkerProcess> owner = std::make_unique<WorkerProcess>(redis, scripted_chat);
    for (int round = 0; round < 6; ++round) {
        ChatClient client(redis);
        client.question(kLongTurn);
        client.until("turn_start");
        auto next = std::make_unique<WorkerProcess>(redis, scripted_chat);
        // Kill it at a different point each time; the ready wait above has used some of the turn.
        ChatClient late(redis);
        if (round % 2 == 0) {
            client.until("text_chunk");
        }
        owner->end(SIGKILL);
        expect_one_whole_turn(client.turns(1));
        EXPECT_TRUE(client.wait_finished());
        owner = std::move(next);
    }
}

// Every phase event of the one turn that `script` asks for, with an owner that dies in the middle.
std::vector<std::string> phases_told(const RedisFixture& redis, const std::string& script) {
    WorkerProcess first(redis, scripted_chat);
    WorkerProcess second(redis, scripted_chat);
    ChatClient client(redis);
    client.question(script);
    const std::vector<Turn> turns = client.turns(1);
    std::vector<std::string> told;
    for (const Json& event : turns.at(0).events) {
        if (event.contains("phase")) {
            told.push_back(event["type"].get<std::string>() + " " +
                           event["phase"].get<std::string>());
        }
    }
    EXPECT_EQ(turns[0].count("attempt"), 1u);
    return told;
}

std::vector<std::string> once_each(std::initializer_list<std::string> phases) {
    std::vector<std::string> told;
    for (const std::string& phase : phases) {
        told.push_back("phase_start " + phase);
        told.push_back("phase_complete " + phase);
    }
    return told;
}

// A checkpoint vouches for the events before it: a new owner does not send them again.
TEST(WorkerTakeover, WhatACheckpointVouchesForHasBeenTold) {
    RedisFixture redis;
    for (int round = 0; round < 4; ++round) {
        EXPECT_EQ(phases_told(redis, "phase:a phase:b phase:c phase:d die-once say:end"),
                  once_each({"a", "b", "c", "d"}));
    }
}

// The other side of the same edge: told, but not in a checkpoint yet. Done again, told once.
TEST(WorkerTakeover, WhatWasToldBeforeItsCheckpointIsToldOnce) {
    RedisFixture redis;
    EXPECT_EQ(phases_told(redis, "phase:a say:x half:b phase:c say:end"),
              once_each({"a", "b", "c"}));
}

TEST(WorkerTakeover, AFrozenOwnersWordsAreNotHeard) {
    RedisFixture redis;
    WorkerProcess first(redis, scripted_chat);
    for (int round = 0; round < 2; ++round) {
        ChatClient client(redis);
        client.question(kLongTurn);
        client.until("text_chunk");
        first.signal(SIGSTOP);
        {
            WorkerProcess second(redis, scripted_chat);
            expect_one_whole_turn(client.turns(1));
            EXPECT_EQ(client.attempts().size(), 2u);
            first.signal(SIGCONT);
            // The one that woke up drops everything and works on under a new name.
            ChatClient other(redis);
            other.question("say:alive");
            EXPECT_EQ(other.turn().text, "alive ");
            EXPECT_TRUE(client.wait_finished());
        }
        const auto log =
            client.redis().call({"XREVRANGE", client.keys().out_lane, "+", "-", "COUNT", "1"});
        const auto top = parse_event_id(log.at(0).at(0).text);
        ASSERT_TRUE(top.has_value());
        EXPECT_EQ(*top, client.cursor()) << "nothing was appended behind the end";
    }
}

TEST(WorkerTakeover, WaitingQuestionsSurviveTheirOwner) {
    RedisFixture redis;
    auto first = std::make_unique<WorkerProcess>(redis, scripted_chat);
    ChatClient client(redis);
    client.question("say:first sleep:300 say:done");
    client.question("say:second");
    client.question("say:third");
    client.until("text_chunk");
    WorkerProcess second(redis, scripted_chat);
    first->end(SIGKILL);
    const auto turns = client.turns(3);
    ASSERT_EQ(turns.size(), 3u);
    EXPECT_EQ(turns[0].text, "first done ");
    EXPECT_EQ(turns[1].text, "second ");
    EXPECT_EQ(turns[2].text, "third ");
    EXPECT_EQ((*turns[0].find("attempt"))["attempt"], 2);
    EXPECT_TRUE(client.wait_finished());
}

TEST(WorkerTakeover, AnAnswerThatKillsEveryOwnerEndsWithAnError) {
    RedisFixture redis;
    std::vector<std::unique_ptr<WorkerProcess>> workers;
    for (int i = 0; i < 4; ++i) {
        workers.push_back(std::make_unique<WorkerProcess>(redis, scripted_chat));
    }
    ChatClient client(redis);
    client.question("phase:a say:bad die");
    const auto turns = client.turns(1);
    ASSERT_EQ(turns.size(), 1u);
    EXPECT_EQ(turns[0].status, "error");
    EXPECT_EQ((*turns[0].find("error"))["code"], "attempts_exhausted");
    EXPECT_EQ(client.redis().call({"XLEN", client.keys().dead}).integer, 1);
    client.question("say:good");
    EXPECT_EQ(client.turn().text, "good ");
    EXPECT_TRUE(client.wait_finished());
}

TEST(WorkerTakeover, TermHandsARunningTurnOver) {
    RedisFixture redis;
    WorkerProcess first(redis, scripted_chat, {{"drain", {"0s", "test"}}});
    ChatClient client(redis);
    client.question(kLongTurn);
    client.until("text_chunk");
    WorkerProcess second(redis, scripted_chat);
    EXPECT_EQ(first.end(SIGTERM), 0);
    expect_one_whole_turn(client.turns(1));
    EXPECT_TRUE(client.wait_finished());
}

TEST(WorkerTakeover, TermLetsARunningTurnFinish) {
    RedisFixture redis;
    WorkerProcess only(redis, scripted_chat);
    ChatClient client(redis);
    client.question(kLongTurn);
    client.until("turn_start");
    EXPECT_EQ(only.end(SIGTERM), 0);
    expect_one_whole_turn(client.turns(1));
    EXPECT_EQ(client.attempts().size(), 1u);
    EXPECT_FALSE(client.owned());
}

TEST(WorkerTakeover, ASecondTermStopsAtOnceAndAPeerGoesOn) {
    RedisFixture redis;
    WorkerProcess first(redis, scripted_chat);
    ChatClient client(redis);
    client.question("say:begun sleep:1500 say:done");
    client.until("text_chunk");
    WorkerProcess second(redis, scripted_chat);
    first.signal(SIGTERM);
    EXPECT_EQ(first.end(SIGTERM), 0);
    EXPECT_EQ(client.turn().text, "begun done ");
    EXPECT_TRUE(client.wait_finished());
}

TEST(WorkerTakeover, QuietLeavesNewSessionsToPeers) {
    RedisFixture redis;
    WorkerProcess first(redis, scripted_chat);
    WorkerProcess second(redis, scripted_chat);
    first.signal(SIGTSTP);
    for (int i = 0; i < 20; ++i) {
        ChatClient client(redis);
        client.question("say:here");
        EXPECT_EQ(client.turn().text, "here ");
    }
    first.end(SIGKILL);
}

// Redis is killed and comes back with its append-only file while a turn runs.
TEST(WorkerTakeover, ATurnSurvivesACrashOfRedis) {
    RedisFixture redis({"--appendonly", "yes", "--appendfsync", "always"});
    WorkerProcess worker(redis, scripted_chat, {{"lease", {"5s", "test"}}});
    ChatClient client(redis);
    const std::string id = client.id();
    client.question("phase:a say:before sleep:700 count:30 say:after");
    client.until("text_chunk");
    redis.kill_hard();
    redis.start();
    // The client's own connection broke; the log is read anew.
    RawRedis raw(redis.socket_path());
    ASSERT_TRUE(
        TestSession::wait([&] { return raw.call({"HGET", client.keys().meta, "own"}).is_nil(); },
                          std::chrono::seconds(15)));
    std::string text;
    size_t ends = 0;
    const auto log = raw.call({"XRANGE", client.keys().out_lane, "-", "+"});
    EventId cursor;
    for (const redis::Value& entry : log.elements) {
        auto batch = BatchReader::open(as_bytes(entry.at(1).at(1).text));
        ASSERT_TRUE(batch.has_value());
        ASSERT_EQ(judge(cursor, batch->header()).verdict, Verdict::deliver);
        cursor = batch->header().last();
        while (const auto event =
                   batch->header().kind == BatchKind::events ? batch->next() : std::nullopt) {
            const Json json = Json::parse(as_text(event->bytes));
            if (json["type"] == "text_chunk") {
                text += json["content"].get<std::string>();
            }
            ends += json["type"] == "response_complete" ? 1U : 0U;
        }
    }
    EXPECT_TRUE(text.starts_with("before 0 1 2 ")) << text;
    EXPECT_TRUE(text.ends_with("29 after ")) << text;
    EXPECT_EQ(ends, 1u);
}

// Everything in Redis is gone in the middle of a turn: the owner rings for itself and goes on.
TEST(WorkerTakeover, ATurnSurvivesTheLossOfRedissData) {
    RedisFixture redis;
    WorkerProcess worker(redis, scripted_chat, {{"lease", {"5s", "test"}}});
    ChatClient client(redis);
    client.question("phase:a say:before count:200 phase:b say:after");
    client.until("text_chunk");
    client.redis().call({"FLUSHALL"});
    ASSERT_TRUE(TestSession::wait(
        [&] {
            const auto top =
                client.redis().call({"XREVRANGE", client.keys().out_lane, "+", "-", "COUNT", "1"});
            return top.at(0).at(1).at(1).text.find("response_complete") != std::string::npos;
        },
        std::chrono::seconds(20)));
    EXPECT_TRUE(client.wait_finished());
}

// The same, but the turn is so long that the loss of the lease is noticed first.
TEST(WorkerTakeover, ATurnSurvivesTheLossOfRedissDataAndOfTheLease) {
    RedisFixture redis;
    WorkerProcess worker(redis, scripted_chat);
    ChatClient client(redis);
    client.question("phase:a say:before sleep:1500 phase:b say:after");
    client.until("text_chunk");
    client.redis().call({"FLUSHALL"});
    ASSERT_TRUE(TestSession::wait(
        [&] {
            const auto top =
                client.redis().call({"XREVRANGE", client.keys().out_lane, "+", "-", "COUNT", "1"});
            return top.at(0).at(1).at(1).text.find("response_complete") != std::string::npos;
        },
        std::chrono::seconds(20)));
    EXPECT_TRUE(client.wait_finished());
}

// Redis dies without its data and stays away for longer than a lease.
TEST(WorkerTakeover, TurnsSurviveALongAbsenceOfARedisThatForgets) {
    RedisFixture redis;
    WorkerProcess worker(redis, scripted_chat);
    std::vector<SessionKeys> keys;
    for (int i = 0; i < 20; ++i) {
        ChatClient client(redis);
        client.question("phase:a say:before sleep:300 count:50 sleep:1200 phase:b say:after");
        client.until("text_chunk");
        keys.push_back(client.keys());
    }
    redis.kill_hard();
    std::this_thread::sleep_for(std::chrono::milliseconds(1800)); // the fault's length, no wait
    redis.start();
    RawRedis raw(redis.socket_path());
    for (const SessionKeys& session : keys) {
        EXPECT_TRUE(TestSession::wait(
            [&] {
                const auto top = raw.call({"XREVRANGE", session.out_lane, "+", "-", "COUNT", "1"});
                return top.at(0).at(1).at(1).text.find("response_complete") != std::string::npos;
            },
            std::chrono::seconds(20)));
    }
}

// The worker loses its lease at every moment of its turns' lives: no session is left behind.
TEST(WorkerTakeover, NoSessionIsLeftBehindByALapse) {
    RedisFixture redis;
    WorkerProcess worker(redis, scripted_chat, {{"max_attempts", {"20", "test"}}});
    for (int round = 0; round < 6; ++round) {
        std::vector<std::unique_ptr<ChatClient>> clients;
        for (int i = 0; i < 40; ++i) {
            clients.push_back(std::make_unique<ChatClient>(redis));
            clients.back()->question("phase:a say:one sleep:" + std::to_string(i * 5) +
                                     " phase:b say:two");
        }
        clients[0]->until("turn_start");
        worker.signal(SIGSTOP);
        std::this_thread::sleep_for(std::chrono::milliseconds(600 + round * 130)); // the fault
        worker.signal(SIGCONT);
        for (auto& client : clients) {
            const Turn turn = client->turn();
            EXPECT_EQ(turn.text, "one two ");
            EXPECT_EQ(turn.status, "ok");
            EXPECT_TRUE(client->wait_finished());
        }
    }
}

// Redis refuses writes for a while in the middle of an answer: nothing is lost, nothing doubled.
TEST(WorkerTakeover, ATurnSurvivesAFullRedis) {
    RedisFixture redis;
    WorkerProcess worker(redis, scripted_chat, {{"lease", {"5s", "test"}}});
    ChatClient client(redis);
    client.question("say:before count:600 say:after");
    client.until("text_chunk");
    client.redis().call({"CONFIG", "SET", "maxmemory", "1"});
    std::this_thread::sleep_for(std::chrono::milliseconds(300)); // the fault's length, no wait
    client.redis().call({"CONFIG", "SET", "maxmemory", "0"});
    const Turn turn = client.turn();
    EXPECT_TRUE(turn.text.starts_with("before 0 1 2 "));
    EXPECT_TRUE(turn.text.ends_with("598 599 after "));
    EXPECT_EQ(turn.status, "ok");
    EXPECT_TRUE(client.wait_finished());
}

TEST(WorkerTakeover, ATurnSurvivesARedisThatIsFullForLong) {
    RedisFixture redis;
    WorkerProcess worker(redis, scripted_chat, {{"lease", {"5s", "test"}}});
    ChatClient client(redis);
    client.question("phase:a say:before sleep:50 say:middle sleep:8000 say:after");
    client.until("text_chunk");
    client.redis().call({"CONFIG", "SET", "maxmemory", "1"});
    std::this_thread::sleep_for(std::chrono::milliseconds(6500)); // beyond the worker's patience
    client.redis().call({"CONFIG", "SET", "maxmemory", "0"});
    const Turn turn = client.turn();
    EXPECT_EQ(turn.text, "before middle after ");
    EXPECT_EQ(turn.status, "ok");
    EXPECT_TRUE(client.wait_finished());
}

} // namespace
} // namespace mr::test
