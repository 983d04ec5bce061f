// The worker's WebSocket client by an HTTP proxy: what the proxy is told and what it is not, its
// refusals, and the way to another place than the URL's.
#include "tests/unit/worker_ws_proxy.h"
#include "worker/net/url_target.h"

namespace mr::test {
namespace {

using namespace ws_test;
using net::WsConnection;
using net::WsError;
using net::WsFault;
using net::WsOptions;

// Agrees, says a word, waits for its echo, and closes.
WsServer::Script asks_for_an_echo() {
    return [](WsPeer& peer) -> awaitable<void> {
        const bool upgraded = co_await peer.upgrade();
        if (upgraded) {
            co_await peer.send(unmasked({.payload = "word"}));
            co_await peer.read_until(1);
            co_await peer.send(unmasked({.opcode = 8, .payload = close_payload(1000)}));
            co_await peer.read_until_gone();
        }
    };
}

TEST(WorkerWsProxy, CarriesWhatIsEncryptedAndWhatIsNot) {
    for (const bool tls : {false, true}) {
        Loop loop;
        WsServer server(loop, asks_for_an_echo(), tls ? &good_certificate() : nullptr);
        ProxyServer proxy(loop);
        WsOptions options = server.options("localhost");
        options.trust = tls ? net::TlsTrust::load(good_certificate().cert()) : nullptr;
        options.proxy = proxy.url("user:pass%20word@");
        WsConnection connection(loop.executor(), options);
        EXPECT_EQ(echo_result(loop, connection), "closed 1000 ");
        ASSERT_EQ(proxy.requests.size(), 1u);
        const std::string place = "localhost:" + server.port();
        EXPECT_EQ(proxy.requests[0], "CONNECT " + place + " HTTP/1.1\r\nHost: " + place +
                                         "\r\nProxy-Authorization: Basic "
                                         "dXNlcjpwYXNzIHdvcmQ=\r\n\r\n");
        const WsPeer& peer = *server.peers.at(0);
        EXPECT_EQ(peer.request.find("Proxy-"), std::string::npos) << peer.request;
        EXPECT_EQ(peer.server_name, tls ? "localhost" : "");
    }
}

TEST(WorkerWsProxy, IsBelievedInNothingAboutTheServer) {
    Loop loop;
    WsServer server(loop, asks_for_an_echo(), &good_certificate());
    ProxyServer proxy(loop);
    WsOptions options("wss://other.example:" + server.port() + "/");
    options.trust = net::TlsTrust::load(good_certificate().cert());
    options.proxy = proxy.url();
    const auto failure = ws_failure(loop, options);
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->fault(), WsFault::tls) << failure->what();
    EXPECT_TRUE(proxy.requests.at(0).starts_with("CONNECT other.example:"));
}

TEST(WorkerWsProxy, RefusalsSayWhatIsWrong) {
    const std::pair<std::string, std::string> answers[] = {
        {"HTTP/1.1 407 secret\r\nProxy-Authenticate: Basic\r\n\r\n", "a user and a password"},
        {"HTTP/1.0 403 secret\r\n\r\n", "does not connect to 127.0.0.1:9 (status 403)"},
        {"HTTP/1.1 502 secret\r\n\r\nsecret", "(status 502)"},
        {"SSH-2.0-secret\r\n\r\n", "does not speak HTTP/1.1"},
        {"HTTP/1.1 2x0 secret\r\n\r\n", "does not speak HTTP/1.1"},
        {"HTTP/1.1 200 secret\r\n\r\nsecret", "more than it was asked"},
        {"HTTP/1.1 200 " + std::string(32 * 1024, 'x'), "too long"},
    };
    for (const auto& [answer, words] : answers) {
        Loop loop;
        ProxyServer proxy(loop, answer);
        WsOptions options("ws://127.0.0.1:9/");
        options.proxy = proxy.url("user:secret@");
        const auto failure = ws_failure(loop, options);
        ASSERT_TRUE(failure) << answer.substr(0, 40);
        const std::string what = failure->what();
        EXPECT_EQ(failure->fault(), WsFault::connect) << what;
        EXPECT_TRUE(what.starts_with("ws://127.0.0.1:9: no connection: the proxy")) << what;
        EXPECT_NE(what.find(words), std::string::npos) << what;
        EXPECT_EQ(what.find("secret"), std::string::npos) << what;
    }
}

TEST(WorkerWsProxy, OneThatIsAwayOrSilentEndsInTime) {
    Loop loop;
    std::string place;
    {
        const ProxyServer gone(loop);
        place = gone.place();
    }
    WsOptions options("ws://127.0.0.1:9/");
    options.proxy = "http://user:secret@" + place;
    auto failure = ws_failure(loop, options);
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->fault(), WsFault::connect);
    EXPECT_NE(std::string(failure->what()).find("the proxy " + place), std::string::npos)
        << failure->what();
    ProxyServer silent(loop, "HTTP/1.1 ");
    options.proxy = silent.url();
    options.timeouts.connect = milliseconds(50);
    failure = ws_failure(loop, options);
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->fault(), WsFault::timeout) << failure->what();
}

TEST(WorkerWsProxy, UrlsOfOtherKindsAreRefused) {
    for (const char* url :
         {"https://secret@proxy", "socks5://proxy:1", "proxy secret", "http://"}) {
        Loop loop;
        WsOptions options("ws://127.0.0.1:9/");
        options.proxy = url;
        const auto failure = ws_failure(loop, options);
        ASSERT_TRUE(failure) << url;
        EXPECT_EQ(failure->fault(), WsFault::bad_request) << url;
        EXPECT_EQ(std::string(failure->what()).find("secret"), std::string::npos);
    }
    const auto named = net::read_proxy("http://[::1]:3128");
    ASSERT_TRUE(named);
    EXPECT_EQ(named->host, "::1");
    EXPECT_EQ(named->port, 3128);
    EXPECT_EQ(named->authorization, "");
    EXPECT_EQ(net::read_proxy("http://proxy.example")->port, 1080);
    EXPECT_EQ(net::read_proxy("http://proxy.example:80")->port, 80);
}

TEST(WorkerWsProxy, AnotherPlaceIsConnectedToAndProvesTheName) {
    static const Certificate other("DNS:other.example");
    Loop loop;
    WsServer server(loop, asks_for_an_echo(), &other);
    WsOptions options("wss://other.example/path");
    options.trust = net::TlsTrust::load(other.cert());
    options.connect_to = "127.0.0.1:" + server.port();
    WsConnection connection(loop.executor(), options);
    EXPECT_EQ(echo_result(loop, connection), "closed 1000 ");
    EXPECT_EQ(server.peers.at(0)->server_name, "other.example");
    EXPECT_NE(server.peers.at(0)->request.find("\r\nHost: other.example\r\n"), std::string::npos);
    options.connect_to = "secret:port";
    const auto failure = ws_failure(loop, options);
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->fault(), WsFault::bad_request);
}

} // namespace
} // namespace mr::test
