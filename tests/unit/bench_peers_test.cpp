#include "bench/load/clock.h"
#include "bench/load/peer_dialect.h"
#include "bench/peers/pushpin_text.h"
#include "bench/peers/socketio_message.h"
#include "bench/peers/streams.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace mr::bench {
namespace {

TEST(BenchPeers, StartMessagesAreReadAsTheyAreWritten) {
    const PeerStart start{"s-17", 50, 1000, 80};
    for (const PeerDialect dialect :
         {PeerDialect::plain, PeerDialect::socketio, PeerDialect::nats}) {
        const auto read = read_start(wrap_start(dialect, start));
        ASSERT_TRUE(read);
        EXPECT_EQ(read->session, start.session);
        EXPECT_EQ(read->rate, start.rate);
        EXPECT_EQ(read->count, start.count);
        EXPECT_EQ(read->bytes, start.bytes);
    }
}

TEST(BenchPeers, AStartMessageWithoutARateIsFlatOut) {
    const auto read = read_start(R"({"session":"a","rate":0,"count":211,"bytes":75})");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->rate, 0u);
    EXPECT_EQ(read->count, 211u);
}

TEST(BenchPeers, WhatIsNoStartMessageIsRefused) {
    for (const char* text : {
             "",
             "{}",
             "x",
             R"({"session":"a","rate":1,"count":1})",
             R"({"session":"","rate":1,"count":1,"bytes":1})",
             R"({"session":"a b","rate":1,"count":1,"bytes":1})",
             R"({"session":"a\r\nb","rate":1,"count":1,"bytes":1})",
             R"({"session":"a","rate":1,"count":0,"bytes":1})",
             R"({"session":"a","rate":-1,"count":1,"bytes":1})",
             R"({"session":"a","rate":100001,"count":1,"bytes":1})",
             R"({"session":"a","rate":1,"count":99999999999999999999,"bytes":1})",
             R"({"session":"a","rate":1,"count":1,"bytes":16385})",
             R"({"session":"a","rate":1,"count":1,"bytes":"80"})",
             R"({"session":"a)",
         }) {
        EXPECT_FALSE(read_start(text)) << text;
    }
    const std::string many(kMaxPeerSessionChars + 1, 'a');
    EXPECT_FALSE(read_start(write_start({many, 1, 1, 1})));
}

TEST(BenchPeers, StampsAreFoundWhateverStandsAroundThem) {
    std::string event;
    append_event(event, {7, 123456789}, 80);
    EXPECT_EQ(event.size(), std::string(R"({"seq":7,"due_ns":123456789,"text":""})").size() + 80);
    for (const std::string& text :
         {event, "42[\"event\"," + event + "]", "[" + event + "," + event + "]"}) {
        std::string_view rest = text;
        PeerStamp stamp;
        size_t found = 0;
        for (; next_peer_stamp(rest, stamp); ++found) {
            EXPECT_EQ(stamp.seq, 7u);
            EXPECT_EQ(stamp.due_ns, 123456789);
        }
        EXPECT_EQ(found, text[0] == '[' ? 2u : 1u) << text;
    }
    for (const char* text : {"", "\"seq\":", "\"seq\":x,\"due_ns\":1",
                             "\"seq\":1,\"due_ns\":", "\"seq\":1,\"at\":2", "40{\"sid\":\"x\"}"}) {
        std::string_view rest = text;
        PeerStamp stamp;
        EXPECT_FALSE(next_peer_stamp(rest, stamp)) << text;
    }
}

TEST(BenchPeers, SocketIoIsAnsweredAsItsProtocolSays) {
    const PeerDialect dialect = PeerDialect::socketio;
    EXPECT_FALSE(ready_when_open(dialect));
    const PeerTurn open = take_message(dialect, "17", R"(0{"sid":"a","pingInterval":25000})");
    EXPECT_FALSE(open.ready);
    EXPECT_EQ(open.reply, "40");
    const PeerTurn connected = take_message(dialect, "17", R"(40{"sid":"b"})");
    EXPECT_TRUE(connected.ready);
    EXPECT_EQ(connected.reply, "");
    EXPECT_EQ(take_message(dialect, "17", "2").reply, "3");
    EXPECT_FALSE(take_message(dialect, "17", "2").ready);
    EXPECT_TRUE(ready_when_open(PeerDialect::plain));
    EXPECT_EQ(take_message(PeerDialect::plain, "17", "2").reply, "");
}

TEST(BenchPeers, NatsIsAnsweredAsItsProtocolSays) {
    const PeerDialect dialect = PeerDialect::nats;
    EXPECT_FALSE(ready_when_open(dialect));
    const PeerTurn info = take_message(dialect, "17", "INFO {\"server_id\":\"x\"} \r\n");
    EXPECT_FALSE(info.ready);
    EXPECT_TRUE(info.reply.starts_with("CONNECT {"));
    EXPECT_TRUE(info.reply.ends_with("}\r\nSUB peer.17 1\r\nPING\r\n"));
    EXPECT_TRUE(take_message(dialect, "17", "PONG\r\n").ready);
    EXPECT_EQ(take_message(dialect, "17", "MSG peer.17 1 2\r\n{}\r\nPING\r\n").reply, "PONG\r\n");
    EXPECT_FALSE(take_message(dialect, "17", "-ERR 'no'\r\n").ready);
    const PeerStart start{"17", 50, 1000, 80};
    const std::string text = write_start(start);
    EXPECT_EQ(wrap_start(dialect, start),
              "PUB peer.start " + std::to_string(text.size()) + "\r\n" + text + "\r\n");
}

TEST(BenchPeers, SocketIoMessagesAreMessagePack) {
    const std::string message = socketio_message({"17", 50, 10, 40}, {3, 0x0102030405});
    std::string text;
    append_filler(text, 40);
    const std::string expected =
        std::string("\x93\xA7"
                    "emitter\x83\xA4type\x02\xA4"
                    "data\x92\xA5"
                    "event\x83\xA3seq\xCF") +
        std::string("\0\0\0\0\0\0\0\3", 8) + "\xA6" + "due_ns\xCF" +
        std::string("\0\0\0\1\2\3\4\5", 8) + "\xA4text\xDA" + std::string("\0\x28", 2) + text +
        "\xA3nsp\xA1/\x83\xA5rooms\x91\xA2" + "17" + "\xA6" + "except\x90\xA5" + "flags\x80";
    EXPECT_EQ(message, expected);
}

TEST(BenchPeers, EntriesOfSocketIoStreamsAreJson) {
    const std::string data = socketio_stream_data({"17", 50, 10, 9}, {3, 5});
    EXPECT_EQ(data, R"({"packet":{"type":2,"data":["event",)"
                    R"({"seq":3,"due_ns":5,"text":"the quick"}],"nsp":"/"},)"
                    R"("opts":{"rooms":["17"],"except":[],"flags":{}}})");
}

TEST(BenchPeers, PushpinIsGreetedAndGivenMessagesAsZeroMqSays) {
    const std::string hello = zmtp_hello();
    ASSERT_EQ(hello.size(), 64u + 2 + 26);
    EXPECT_EQ(hello.substr(0, 16), std::string("\xFF\0\0\0\0\0\0\0\0\x7F\3\0NULL", 16));
    EXPECT_EQ(hello.substr(16, 48), std::string(48, '\0'));
    EXPECT_EQ(hello.substr(64), std::string("\4\x1A\5READY\13Socket-Type\0\0\0\4PUSH", 28));
    EXPECT_FALSE(zmtp_is_ready(hello.substr(0, 64)));
    EXPECT_TRUE(zmtp_is_ready(hello));
    std::string out;
    append_zmtp_message(out, std::string(255, 'a'));
    EXPECT_EQ(out.substr(0, 2), std::string("\0\xFF", 2));
    EXPECT_EQ(out.size(), 257u);
    out.clear();
    append_zmtp_message(out, std::string(0x102, 'a'));
    EXPECT_EQ(out.substr(0, 9), std::string("\2\0\0\0\0\0\0\1\2", 9));
    EXPECT_EQ(out.size(), 9u + 0x102);
    EXPECT_EQ(pushpin_publication("17", "{}"),
              "62:7:channel,2:17,7:formats,33:10:ws-message,15:7:content,2:{},}}}");
}

TEST(BenchPeers, PushpinsRequestsAreReadHoweverTheyAreCut) {
    const std::string open =
        "POST /ws?session=4-17 HTTP/1.1\r\nHost: a\r\ncontent-length: 6\r\n\r\n"
        "OPEN\r\n";
    const std::string start = write_start({"4-17", 0, 211, 80});
    const std::string body = "TEXT 40\r\n" + start + "\r\n";
    const std::string text =
        "POST /ws?session=4-17&x=1 HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    for (size_t i = 0; i < open.size(); ++i) {
        EXPECT_FALSE(read_backend_request(open.substr(0, i))) << i;
    }
    const auto first = read_backend_request(open + text);
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->opens());
    EXPECT_EQ(first->session, "4-17");
    EXPECT_EQ(first->size, open.size());
    EXPECT_TRUE(backend_reply(*first).ends_with("Content-Length: 56\r\n\r\nOPEN\r\nTEXT 27\r\n"
                                                R"(c:{"type":"subscribe","channel":"4-17"})"
                                                "\r\n"))
        << backend_reply(*first);
    const auto second = read_backend_request(text);
    ASSERT_TRUE(second);
    EXPECT_FALSE(second->opens());
    EXPECT_EQ(second->session, "4-17");
    ASSERT_TRUE(read_start(second->body));
    EXPECT_EQ(read_start(second->body)->count, 211u);
    EXPECT_TRUE(backend_reply(*second).ends_with("Content-Length: 0\r\n\r\n"));
    EXPECT_THROW((void)read_backend_request("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
                 std::runtime_error);
    EXPECT_THROW((void)read_backend_request(std::string(kMaxBackendRequestBytes + 1, 'a')),
                 std::runtime_error);
}

struct Taken {
    uint64_t owner, seq;
    int64_t due_ns;
    bool operator==(const Taken&) const = default;
};

std::vector<Taken> take(Streams& streams, int64_t now_ns, size_t most = SIZE_MAX) {
    std::vector<Taken> taken;
    streams.take_due(now_ns, most, [&taken](const Streams::Due& due) {
        taken.push_back({due.owner, due.stamp.seq, due.stamp.due_ns});
    });
    return taken;
}

TEST(BenchPeers, EventsAreDueAtTheirRateOnWholeMilliseconds) {
    for (const uint64_t rate : {1, 3, 7, 50, 333, 999, 1000, 5000}) {
        Streams streams;
        const int64_t begun = 5 * kNsPerS + 123'456;
        streams.start(1, {"a", rate, 2 * rate, 80}, begun);
        const std::vector<Taken> taken = take(streams, begun + 3 * kNsPerS);
        ASSERT_EQ(taken.size(), 2 * rate);
        for (size_t i = 0; i < taken.size(); ++i) {
            EXPECT_EQ(taken[i].seq, i);
            EXPECT_EQ(taken[i].due_ns % kNsPerMs, 0);
            const double exact = static_cast<double>(begun) +
                                 static_cast<double>(i + 1) * 1e9 / static_cast<double>(rate);
            EXPECT_GE(static_cast<double>(taken[i].due_ns), exact - 1);
            EXPECT_LT(static_cast<double>(taken[i].due_ns), exact + 1e6);
        }
        EXPECT_EQ(streams.size(), 0u);
        EXPECT_EQ(streams.next_due_ns(), kNeverDue);
    }
}

TEST(BenchPeers, NothingIsTakenBeforeItIsDueAndTheEarliestComesFirst) {
    Streams streams;
    streams.start(1, {"a", 10, 2, 80}, 0);
    streams.start(2, {"b", 100, 3, 80}, 0);
    EXPECT_EQ(streams.next_due_ns(), 10 * kNsPerMs);
    EXPECT_TRUE(take(streams, 10 * kNsPerMs - 1).empty());
    const std::vector<Taken> expected = {{2, 0, 10 * kNsPerMs},
                                         {2, 1, 20 * kNsPerMs},
                                         {2, 2, 30 * kNsPerMs},
                                         {1, 0, 100 * kNsPerMs}};
    EXPECT_EQ(take(streams, 150 * kNsPerMs), expected);
}

TEST(BenchPeers, FlatOutStreamsTakeTurnsAndNoMoreIsTakenThanWasAskedFor) {
    constexpr uint64_t kTurn = kEventsOfATurn;
    Streams streams;
    streams.start(1, {"a", 0, kTurn + 2, 80}, 10);
    streams.start(2, {"b", 0, kTurn + 1, 80}, 20);
    EXPECT_EQ(streams.next_due_ns(), 10);
    std::vector<Taken> taken = take(streams, 30, 2 * kTurn);
    ASSERT_EQ(taken.size(), 2 * kTurn);
    for (uint64_t i = 0; i < kTurn; ++i) {
        EXPECT_EQ(taken[i], (Taken{1, i, 10}));
        EXPECT_EQ(taken[kTurn + i], (Taken{2, i, 20}));
    }
    EXPECT_LE(streams.next_due_ns(), 30);
    EXPECT_EQ(take(streams, 40, 1), (std::vector<Taken>{{1, kTurn, 30}}));
    EXPECT_EQ(take(streams, 50, 9), (std::vector<Taken>{{2, kTurn, 30}, {1, kTurn + 1, 40}}));
    EXPECT_EQ(streams.size(), 0u);
    EXPECT_EQ(streams.next_due_ns(), kNeverDue);
}

TEST(BenchPeers, AStreamEndsWhenItIsStoppedAndBeginsAnewWhenItIsStartedAgain) {
    Streams streams;
    streams.start(1, {"a", 10, 100, 80}, 0);
    streams.start(2, {"b", 10, 100, 80}, 0);
    streams.stop(1);
    EXPECT_EQ(take(streams, 100 * kNsPerMs), (std::vector<Taken>{{2, 0, 100 * kNsPerMs}}));
    streams.start(2, {"b", 10, 100, 80}, 150 * kNsPerMs);
    EXPECT_EQ(take(streams, 260 * kNsPerMs), (std::vector<Taken>{{2, 0, 250 * kNsPerMs}}));
}

} // namespace
} // namespace mr::bench
