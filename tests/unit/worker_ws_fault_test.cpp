// What goes wrong between the worker's WebSocket client and a server, each with its own fault, none
// with a secret in its text: certificates, refusals, silence, servers that die, flood or lie.
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

WsServer::Script silent() {
    return [](WsPeer& peer) -> awaitable<void> { co_await peer.read_until_gone(); };
}
// An answer to the request that is not an upgrade; then the end.
WsServer::Script answers_with(Bytes bytes) {
    return [bytes](WsPeer& peer) -> awaitable<void> {
        co_await peer.read_request();
        co_await peer.send(bytes);
    };
}
WsServer::Script upgrades_and(std::function<awaitable<void>(WsPeer&)> then) {
    return [then](WsPeer& peer) -> awaitable<void> {
        const bool upgraded = co_await peer.upgrade();
        if (upgraded) {
            co_await then(peer);
        }
    };
}

void expect_fault(const std::optional<WsError>& failure, WsFault fault, const std::string& words) {
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->fault(), fault) << failure->what();
    const std::string what = failure->what();
    EXPECT_NE(what.find(words), std::string::npos) << what;
    EXPECT_EQ(what.find("secret"), std::string::npos) << what;
    EXPECT_NE(what.find("://"), std::string::npos) << what;
}

TEST(WorkerWsFault, CertificatesThatAreNotGood) {
    static const Certificate other_name("DNS:other.example"), other("DNS:localhost,IP:127.0.0.1");
    struct Bad {
        const Certificate& served;
        const Certificate& trusted;
        const char* host;
        const char* words;
    };
    for (const Bad& bad : {Bad{other, good_certificate(), "127.0.0.1", "not trusted"},
                           Bad{other_name, other_name, "127.0.0.1", "IP address mismatch"},
                           Bad{other_name, other_name, "localhost", "ostname mismatch"}}) {
        Loop loop;
        WsServer server(loop, silent(), &bad.served);
        WsOptions options = server.options(bad.host);
        options.trust = net::TlsTrust::load(bad.trusted.cert());
        expect_fault(ws_failure(loop, options), WsFault::tls, bad.words);
        EXPECT_TRUE(server.peers[0]->request.empty());
    }
    EXPECT_THROW(net::TlsTrust::load("/nowhere/ca.pem"), std::runtime_error);
}

TEST(WorkerWsFault, ServersWithoutTlsAndWithoutTrust) {
    Loop loop;
    WsServer plain(loop, [](WsPeer& peer) -> awaitable<void> {
        co_await peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
        co_await peer.read_until_gone();
    });
    WsOptions options("wss://127.0.0.1:" + plain.port() + "/");
    expect_fault(ws_failure(loop, options), WsFault::tls, "does it speak TLS");
    WsServer unknown(loop, silent(), &good_certificate());
    expect_fault(ws_failure(loop, unknown.options()), WsFault::tls, "not trusted"); // the system's
}

TEST(WorkerWsFault, NobodyListens) {
    Loop loop;
    std::string port;
    {
        boost::asio::ip::tcp::acceptor closed(loop.context,
                                              {boost::asio::ip::address_v4::loopback(), 0});
        port = std::to_string(closed.local_endpoint().port());
    }
    expect_fault(ws_failure(loop, WsOptions("ws://127.0.0.1:" + port + "/secret")),
                 WsFault::connect, "no connection");
    expect_fault(ws_failure(loop, WsOptions("ws://localhost:" + port + "/secret")),
                 WsFault::connect, "no connection");
}

TEST(WorkerWsFault, RefusalsComeWithTheirStatus) {
    Loop loop;
    WsServer busy(loop, answers_with("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\nsecret"));
    const std::optional<WsError> failure = ws_failure(loop, busy.options());
    expect_fault(failure, WsFault::refused, "status 503");
    EXPECT_EQ(failure->status(), 503);
    EXPECT_EQ(failure->retry_after(), "7");
    WsServer locked(loop, answers_with("HTTP/1.1 401 secret\r\n\r\n"));
    expect_fault(ws_failure(loop, locked.options()), WsFault::refused, "status 401");
}

TEST(WorkerWsFault, ResponsesThatAreNone) {
    Loop loop;
    WsServer wrong_accept(loop, answers_with(good_response())); // of another key
    expect_fault(ws_failure(loop, wrong_accept.options()), WsFault::protocol,
                 "Sec-WebSocket-Accept");
    WsServer no_http(loop, answers_with("SSH-2.0-x\r\n"));
    expect_fault(ws_failure(loop, no_http.options()), WsFault::protocol, "not HTTP/1.1");
    WsServer endless(loop, answers_with("HTTP/1.1 101 " + Bytes(100'000, 'x')));
    expect_fault(ws_failure(loop, endless.options()), WsFault::protocol, "too long");
    WsServer half(loop, answers_with("HTTP/1.1 101 Switching"));
    expect_fault(ws_failure(loop, half.options()), WsFault::lost, "before the upgrade");
}

TEST(WorkerWsFault, SilenceEndsAtItsTime) {
    Loop loop;
    boost::asio::ip::tcp::acceptor never(loop.context, // nobody accepts: no TLS handshake
                                         {boost::asio::ip::address_v4::loopback(), 0});
    WsOptions no_tls("wss://127.0.0.1:" + std::to_string(never.local_endpoint().port()));
    no_tls.trust = net::TlsTrust::load(good_certificate().cert());
    no_tls.timeouts.connect = milliseconds(50);
    expect_fault(ws_failure(loop, no_tls), WsFault::timeout, "no connection within 50 ms");

    WsServer server(loop, silent());
    WsOptions no_answer = server.options();
    no_answer.timeouts.upgrade = milliseconds(50);
    expect_fault(ws_failure(loop, no_answer), WsFault::timeout, "no answer to the upgrade");
    EXPECT_TRUE(turn(loop, [&] { return server.ended == 1; }));

    WsServer quiet(loop, upgrades_and([](WsPeer& peer) { return peer.read_until_gone(); }));
    WsOptions idle = quiet.options();
    idle.timeouts.idle = milliseconds(50);
    idle.timeouts.ping = milliseconds(0);
    expect_fault(ws_failure(loop, idle), WsFault::timeout, "nothing has come for 50 ms");
    EXPECT_TRUE(turn(loop, [&] { return quiet.ended == 1; }));
}

TEST(WorkerWsFault, PingsWithoutAnAnswerEndIt) {
    Loop loop;
    WsServer server(loop, upgrades_and([](WsPeer& peer) { return peer.read_until_gone(); }));
    WsOptions options = server.options();
    options.timeouts.ping = milliseconds(20);
    options.max_unanswered_pings = 3;
    expect_fault(ws_failure(loop, options), WsFault::timeout, "3 pings have not been answered");
    ASSERT_TRUE(turn(loop, [&] { return server.ended == 1; }));
    EXPECT_EQ(server.peers[0]->received.records, (Records{"ping:", "ping:", "ping:"}));
}

TEST(WorkerWsFault, PingsWithAnAnswerKeepIt) {
    constexpr size_t kPings = 6;
    Loop loop;
    WsServer server(loop, upgrades_and([](WsPeer& peer) -> awaitable<void> {
                        for (size_t n = 1; n <= kPings; ++n) {
                            co_await peer.read_until(n);
                            co_await peer.send(unmasked({.opcode = 10}));
                        }
                        co_await peer.send(unmasked({.opcode = 8, .payload = close_payload(1000)}));
                        co_await peer.read_until_gone();
                    }));
    WsOptions options = server.options();
    options.timeouts.ping = milliseconds(300);
    options.max_unanswered_pings = 30; // of a loaded machine: the server has nine seconds for each
    WsConnection connection(loop.executor(), options);
    EXPECT_EQ(echo_result(loop, connection), "closed 1000 ");
}

TEST(WorkerWsFault, AServerThatDies) {
    Loop loop;
    for (const bool orderly : {true, false}) {
        WsServer server(loop, upgrades_and([orderly](WsPeer& peer) -> awaitable<void> {
                            co_await peer.send(unmasked({.payload = "last words"}));
                            co_await peer.read_until(1);
                            if (!orderly) {
                                peer.reset();
                            }
                        }));
        WsConnection connection(loop.executor(), server.options());
        const std::string end = echo_result(loop, connection);
        EXPECT_NE(end.find(": lost"), std::string::npos) << end;
        EXPECT_EQ(connection.close_code(), 1006);
        EXPECT_EQ(server.peers[0]->received.records, Records{"text:last words"});
    }
}

TEST(WorkerWsFault, BrokenRulesAndSizesAreAnsweredWithTheirCode) {
    struct Wrong {
        Frame frame;
        WsFault fault;
        const char* answer;
    };
    for (const Wrong& wrong :
         {Wrong{{.opcode = 3}, WsFault::protocol, "close 1002"},
          Wrong{{.payload = "\xFF"}, WsFault::protocol, "close 1007"},
          Wrong{
              {.declared_bytes = net::kMaxWsMessageBytes + 1}, WsFault::too_large, "close 1009"}}) {
        Loop loop;
        const Bytes bytes = unmasked(wrong.frame);
        WsServer server(loop, upgrades_and([bytes](WsPeer& peer) -> awaitable<void> {
                            co_await peer.send(bytes);
                            co_await peer.read_until(1);
                        }));
        expect_fault(ws_failure(loop, server.options()), wrong.fault, "broke the protocol");
        ASSERT_TRUE(turn(loop, [&] { return server.ended == 1; }));
        EXPECT_EQ(without_reasons(server.peers[0]->received.records), Records{wrong.answer});
    }
}

// It sends pings for ever and reads no pong: our queue does not grow with them.
TEST(WorkerWsFault, AServerThatFloodsAndDoesNotRead) {
    Loop loop;
    WsServer server(loop, upgrades_and([](WsPeer& peer) -> awaitable<void> {
                        Bytes pings;
                        for (int n = 0; n < 500; ++n) {
                            pings += unmasked({.opcode = 9, .payload = Bytes(125, 'p')});
                        }
                        bool more = true;
                        while (more) {
                            more = co_await peer.send(pings);
                        }
                    }));
    WsOptions options = server.options();
    options.timeouts.send = milliseconds(300);
    expect_fault(ws_failure(loop, options), WsFault::timeout, "has taken nothing for 300 ms");
    EXPECT_TRUE(turn(loop, [&] { return server.ended == 1; }));
}

} // namespace
} // namespace mr::test
