// The worker's WebSocket client against a server on loopback: both ways of a close, back-pressure
// in both directions, cancellation, what a handshake says and what is refused before it.
#include "tests/unit/worker_ws_server.h"

namespace mr::test {
namespace {

using namespace ws_test;
using net::WsConnection;
using net::WsError;
using net::WsFault;
using net::WsMessage;
using net::WsOptions;
using Records = std::vector<Bytes>;

Bytes text(const Bytes& payload) {
    return unmasked({.payload = payload});
}
Bytes close_frame(unsigned code, const Bytes& reason = {}) {
    return unmasked({.opcode = 8, .payload = close_payload(code, reason)});
}

// Agrees, sends, and reads until the client has gone.
WsServer::Script sends(Bytes bytes, Bytes headers = {}) {
    return [bytes, headers](WsPeer& peer) -> awaitable<void> {
        const bool upgraded = co_await peer.upgrade(headers);
        if (upgraded) {
            co_await peer.send(bytes);
            co_await peer.read_until_gone();
        }
    };
}
// Agrees, and answers the first Close frame.
WsServer::Script closes_when_asked() {
    return [](WsPeer& peer) -> awaitable<void> {
        const bool upgraded = co_await peer.upgrade();
        bool more = upgraded;
        while (more && !peer.received.decoder.stopped()) {
            more = co_await peer.read();
        }
        if (more) {
            co_await peer.send(close_frame(1000));
        }
    };
}

TEST(WorkerWsClient, TheRequestSaysWhatWasAskedFor) {
    Loop loop;
    WsServer server(loop, sends(close_frame(1000), "Sec-WebSocket-Protocol: b.v2\r\n"));
    WsOptions options = server.options();
    options.subprotocols = "a.v1, b.v2";
    WsConnection connection(loop.executor(), options);
    EXPECT_EQ(echo_result(loop, connection), "closed 1000 ");
    EXPECT_EQ(connection.subprotocol(), "b.v2");
    EXPECT_FALSE(connection.is_open());
    const std::string& request = server.peers[0]->request;
    EXPECT_TRUE(request.starts_with(
        "GET /path?secret=1 HTTP/1.1\r\nHost: 127.0.0.1:" + server.port() + "\r\n"))
        << request;
    EXPECT_NE(request.find("\r\nSec-WebSocket-Protocol: a.v1, b.v2\r\n"), std::string::npos);
    EXPECT_NE(request.find("\r\nAuthorization: Token secret-token\r\n"), std::string::npos);
}

TEST(WorkerWsClient, EchoesOverTlsToANamedServer) {
    Loop loop;
    WsServer server(loop, sends(text("over TLS") + close_frame(1000)), &good_certificate());
    WsOptions options = server.options("localhost");
    options.trust = net::TlsTrust::load(good_certificate().cert());
    WsConnection connection(loop.executor(), options);
    std::optional<WsMessage> first;
    loop.run([](WsConnection& used, std::optional<WsMessage>& out) -> awaitable<void> {
        co_await used.connect();
        out = co_await used.receive();
    }(connection, first));
    ASSERT_TRUE(first);
    EXPECT_EQ(first->payload, "over TLS");
    EXPECT_EQ(server.peers[0]->server_name, "localhost");
}

TEST(WorkerWsClient, URLsThatAreNoneAreRefusedWithoutTheirSecrets) {
    Loop loop;
    for (const char* url :
         {"", "http://a/secret", "https://a/secret", "ws:", "ws://", "ws://:80/secret",
          "ws://user:secret@a/", "ws://a:0/secret", "ws://a:70000/secret", "wss://a b/secret",
          "secret", "ws://[::1/secret"}) {
        const std::optional<WsError> failure = ws_failure(loop, WsOptions(url));
        ASSERT_TRUE(failure) << url;
        EXPECT_EQ(failure->fault(), WsFault::bad_request) << url << ": " << failure->what();
        EXPECT_EQ(std::string(failure->what()).find("secret"), std::string::npos);
    }
    for (const char* header : {"no colon secret", "a b: secret", "a: secret\r\nb: c",
                               "Host: secret", "sec-websocket-key: secret"}) {
        WsOptions options("ws://127.0.0.1:9/");
        options.headers = {header};
        const std::optional<WsError> failure = ws_failure(loop, options);
        ASSERT_TRUE(failure) << header;
        EXPECT_EQ(failure->fault(), WsFault::bad_request) << header;
        EXPECT_EQ(std::string(failure->what()).find("secret"), std::string::npos);
    }
}

TEST(WorkerWsClient, TheServersCloseIsAnsweredThoughTheOwnerIsGone) {
    Loop loop;
    WsServer server(loop, sends(text("last") + close_frame(4001, "enough")));
    {
        WsConnection connection(loop.executor(), server.options());
        std::optional<WsMessage> first, second;
        loop.run([](WsConnection& used, std::optional<WsMessage>& one,
                    std::optional<WsMessage>& two) -> awaitable<void> {
            co_await used.connect();
            one = co_await used.receive();
            two = co_await used.receive();
        }(connection, first, second));
        ASSERT_TRUE(first);
        EXPECT_EQ(first->payload, "last");
        EXPECT_FALSE(second);
        EXPECT_EQ(connection.close_code(), 4001);
        EXPECT_EQ(connection.close_reason(), "enough");
    }
    ASSERT_TRUE(turn(loop, [&] { return server.ended == 1; }));
    EXPECT_EQ(server.peers[0]->received.records, Records{"close 4001:"});
}

bool close_result(Loop& loop, WsConnection& connection, Bytes before) {
    bool clean = false;
    loop.run([](WsConnection& used, Bytes first, bool& out) -> awaitable<void> {
        co_await used.connect();
        co_await used.send(Opcode::binary, std::move(first));
        out = co_await used.close(CloseCode::going_away, "bye");
    }(connection, std::move(before), clean));
    return clean;
}

TEST(WorkerWsClient, OurCloseGoesBehindWhatIsQueued) {
    Loop loop;
    WsServer server(loop, closes_when_asked());
    WsConnection connection(loop.executor(), server.options());
    const Bytes large(500'000, 'x');
    EXPECT_TRUE(close_result(loop, connection, large));
    EXPECT_EQ(connection.close_code(), 1000);
    const Records& records = server.peers[0]->received.records;
    ASSERT_EQ(records.size(), 2U);
    EXPECT_TRUE(records[0] == "binary:" + large);
    EXPECT_EQ(records[1], "close 1001:bye");
}

TEST(WorkerWsClient, ACloseThatIsNotAnsweredEndsAtItsTime) {
    Loop loop;
    WsServer server(loop, sends(""));
    WsOptions options = server.options();
    options.timeouts.close = milliseconds(50);
    WsConnection connection(loop.executor(), options);
    EXPECT_FALSE(close_result(loop, connection, "x"));
    EXPECT_EQ(connection.close_code(), 1006);
    EXPECT_TRUE(turn(loop, [&] { return server.ended == 1; }));
}

TEST(WorkerWsClient, NothingIsSentAfterTheEnd) {
    Loop loop;
    WsServer server(loop, closes_when_asked());
    WsConnection connection(loop.executor(), server.options());
    EXPECT_TRUE(close_result(loop, connection, "x"));
    std::optional<WsFault> after, too_large, again;
    loop.run([](WsConnection& used, std::optional<WsFault>& sent, std::optional<WsFault>& large,
                std::optional<WsFault>& connected) -> awaitable<void> {
        try {
            co_await used.send(Opcode::text, "x");
        } catch (const WsError& error) {
            sent = error.fault();
        }
        try {
            const std::string more(net::kMaxWsSendBytes + 1, 'x');
            co_await used.send(Opcode::text, more);
        } catch (const WsError& error) {
            large = error.fault();
        }
        try {
            co_await used.connect();
        } catch (const WsError& error) {
            connected = error.fault();
        }
    }(connection, after, too_large, again));
    EXPECT_EQ(after, WsFault::closed);
    EXPECT_EQ(too_large, WsFault::bad_request);
    EXPECT_EQ(again, WsFault::bad_request);
}

// A server that floods is read no further than the bound; once its messages are taken all come.
TEST(WorkerWsClient, WhatIsNotTakenStopsTheServer) {
    constexpr size_t kMessages = 1024, kBytes = 64 * 1024;
    Loop loop;
    size_t sent = 0;
    WsServer server(loop, [&sent](WsPeer& peer) -> awaitable<void> {
        const bool upgraded = co_await peer.upgrade();
        bool more = upgraded;
        while (more && sent < kMessages) {
            more = co_await peer.send(unmasked({.opcode = 2, .payload = Bytes(kBytes, 'x')}));
            sent += more ? 1 : 0;
        }
        co_await peer.send(close_frame(1000));
        co_await peer.read_until_gone();
    });
    WsConnection connection(loop.executor(), server.options());
    loop.run(connection.connect());
    size_t before = kMessages + 1;
    while (before != sent) { // until it stands still; a slow machine makes this end early, no more
        before = sent;
        const auto until = Clock::now() + milliseconds(200);
        turn(loop, [&] { return Clock::now() >= until; });
    }
    EXPECT_LT(sent, kMessages / 2); // 1 MiB of ours and what the kernel holds
    size_t taken = 0;
    loop.run([](WsConnection& used, size_t& count) -> awaitable<void> {
        std::optional<WsMessage> message;
        do {
            message = co_await used.receive();
            count += message && message->payload.size() == kBytes ? 1 : 0;
        } while (message);
    }(connection, taken));
    EXPECT_EQ(taken, kMessages);
}

TEST(WorkerWsClient, SendWaitsForAServerThatReadsLate) {
    constexpr size_t kMessages = 512;
    Loop loop;
    bool reads = false;
    WsServer server(loop, [&reads](WsPeer& peer) -> awaitable<void> {
        const bool upgraded = co_await peer.upgrade();
        const std::function<bool()> told = [&, upgraded] { return !upgraded || reads; };
        co_await until(told);
        co_await peer.read_until(kMessages);
    });
    WsConnection connection(loop.executor(), server.options());
    size_t sent = 0;
    Cancellable sender(loop, [](WsConnection& used, size_t& count) -> awaitable<void> {
        co_await used.connect();
        for (; count < kMessages; ++count) {
            std::string payload(64 * 1024, static_cast<char>('a' + count % 26));
            co_await used.send(Opcode::binary, std::move(payload));
        }
    }(connection, sent));
    size_t before = kMessages + 1;
    while (!sender.done && (before != sent || sent == 0)) {
        before = sent;
        const auto until = Clock::now() + milliseconds(200);
        turn(loop, [&] { return Clock::now() >= until; });
    }
    EXPECT_LT(sent, kMessages);
    EXPECT_FALSE(sender.done);
    reads = true;
    ASSERT_TRUE(turn(loop, [&] { return server.ended == 1 && sender.done; }));
    EXPECT_EQ(server.peers[0]->received.records.size(), kMessages);
    EXPECT_EQ(server.peers[0]->received.problem, "");
}

TEST(WorkerWsClient, ACancelledReceiveTakesNothing) {
    Loop loop;
    bool goes_on = false;
    WsServer server(loop, [&goes_on](WsPeer& peer) -> awaitable<void> {
        const bool upgraded = co_await peer.upgrade();
        const std::function<bool()> told = [&, upgraded] { return !upgraded || goes_on; };
        co_await until(told);
        co_await peer.send(text("for whoever asks") + close_frame(1000));
        co_await peer.read_until_gone();
    });
    WsConnection connection(loop.executor(), server.options());
    loop.run(connection.connect());
    Cancellable receiver(
        loop, [](WsConnection& used) -> awaitable<void> { co_await used.receive(); }(connection));
    turn(loop, [&] { return receiver.done; }, milliseconds(20));
    receiver.cancel();
    ASSERT_TRUE(turn(loop, [&] { return receiver.done; }));
    EXPECT_TRUE(receiver.aborted());
    EXPECT_TRUE(connection.is_open());
    goes_on = true;
    std::optional<WsMessage> message;
    loop.run([](WsConnection& used, std::optional<WsMessage>& out) -> awaitable<void> {
        out = co_await used.receive();
    }(connection, message));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->payload, "for whoever asks");
}

TEST(WorkerWsClient, ACancelledConnectOrCloseCutsTheConnection) {
    Loop loop;
    WsServer silent(loop, [](WsPeer& peer) -> awaitable<void> { co_await peer.read_until_gone(); });
    WsConnection connecting(loop.executor(), silent.options());
    Cancellable connect(loop, connecting.connect());
    ASSERT_TRUE(turn(loop, [&] { return silent.peers.size() == 1; }));
    connect.cancel();
    ASSERT_TRUE(turn(loop, [&] { return connect.done; }));
    EXPECT_TRUE(connect.aborted());
    EXPECT_TRUE(turn(loop, [&] { return silent.ended == 1; }));

    WsServer deaf(loop, sends(""));
    WsOptions options = deaf.options();
    options.timeouts.close = std::chrono::minutes(10);
    WsConnection closing(loop.executor(), options);
    Cancellable close(loop, [](WsConnection& used) -> awaitable<void> {
        co_await used.connect();
        co_await used.close();
    }(closing));
    ASSERT_TRUE(turn(
        loop, [&] { return deaf.peers.size() == 1 && deaf.peers[0]->received.decoder.stopped(); }));
    close.cancel();
    ASSERT_TRUE(turn(loop, [&] { return close.done; }));
    EXPECT_TRUE(close.aborted());
    EXPECT_TRUE(turn(loop, [&] { return deaf.ended == 1; }));
}

TEST(WorkerWsClient, TheDestructorCuts) {
    Loop loop;
    WsServer server(loop, sends("", ""));
    {
        WsConnection connection(loop.executor(), server.options());
        loop.run(connection.connect());
        EXPECT_TRUE(connection.is_open());
    }
    ASSERT_TRUE(turn(loop, [&] { return server.ended == 1; }));
    EXPECT_EQ(server.peers[0]->received.records, Records{});
}

} // namespace
} // namespace mr::test
