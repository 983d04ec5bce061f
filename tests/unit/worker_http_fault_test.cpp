// The HTTP client when things go wrong: deadlines, bounds, what each failure is called.
#include "tests/unit/worker_http_support.h"

namespace mr::test {
namespace {

TEST_P(HttpClientTest, KeepsEveryDeadline) {
    struct Case {
        const char* name;
        std::vector<std::string> sent;
        milliseconds net::HttpTimeouts::* limit;
        bool any_byte;
    };
    const std::vector<Case> cases = {
        {"first byte", {}, &net::HttpTimeouts::first_byte, false},
        {"idle, head begun", {"HTTP/1.1 200 OK\r\n"}, &net::HttpTimeouts::idle, true},
        {"idle, body begun", {kStreamHead, chunk("x")}, &net::HttpTimeouts::idle, true},
        {"total", {kStreamHead}, &net::HttpTimeouts::total, true},
    };
    for (const Case& one : cases) {
        SCOPED_TRACE(one.name);
        Loop loop;
        bool gone = false;
        HttpServer server(loop, [&](HttpPeer& peer) -> awaitable<void> {
            co_await peer.request();
            for (const std::string& part : one.sent) {
                co_await peer.send(part);
            }
            co_await peer.closed();
            gone = true;
        });
        HttpClient client;
        HttpRequest request = get(server.url());
        const milliseconds never = std::chrono::minutes(10);
        request.timeouts.first_byte = request.timeouts.idle = request.timeouts.total = never;
        request.timeouts.*one.limit = milliseconds(80);
        const auto error = failure_of(loop, client, std::move(request));
        ASSERT_TRUE(error);
        EXPECT_EQ(error->fault(), HttpFault::timeout);
        EXPECT_EQ(error->any_byte(), one.any_byte);
        EXPECT_TRUE(turn(loop, [&] { return gone; }));
    }
}

TEST_P(HttpClientTest, KeepsItsBounds) {
    Loop loop;
    HttpServer large(loop, answers(http_answer(std::string(5000, 'x'))));
    HttpServer heads(loop, answers("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x') +
                                   "\r\nContent-Length: 0\r\n\r\n"));
    HttpClient client;
    HttpRequest request = get(large.url());
    request.max_response_bytes = 4999;
    auto error = failure_of(loop, client, std::move(request));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->fault(), HttpFault::too_large);
    error = failure_of(loop, client, get(heads.url()));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->fault(), HttpFault::too_large);

    net::HttpOptions one_only;
    one_only.max_transfers = 1;
    HttpClient narrow(one_only);
    HttpServer silent(loop, [](HttpPeer& peer) -> awaitable<void> { co_await peer.closed(); });
    Collector collector;
    Cancellable first(loop, narrow.stream(get(silent.url()), collector));
    ASSERT_TRUE(turn(loop, [&] { return narrow.transfers() == 1; }));
    error = failure_of(loop, narrow, get(silent.url()));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->fault(), HttpFault::refused);
    first.cancel();
    EXPECT_TRUE(turn(loop, [&] { return first.done; }));
}

TEST_P(HttpClientTest, NamesWhatWentWrong) {
    Loop loop;
    HttpServer resetting(loop, [](HttpPeer& peer) -> awaitable<void> {
        co_await peer.request();
        co_await peer.send(std::string(kStreamHead) + chunk("x"));
        peer.reset();
    });
    HttpServer cutting(loop, [](HttpPeer& peer) -> awaitable<void> {
        co_await peer.request();
        co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    });
    HttpServer babbling(loop, answers("SSH-2.0-OpenSSH\r\n\r\n"));
    HttpServer plain(loop, [](HttpPeer& peer) -> awaitable<void> {
        co_await peer.send("hello, this is not TLS\r\n");
        co_await peer.closed();
    });
    const std::string closed_port = [] {
        boost::asio::io_context context;
        boost::asio::ip::tcp::acceptor acceptor(context,
                                                {boost::asio::ip::address_v4::loopback(), 0});
        return std::to_string(acceptor.local_endpoint().port());
    }();
    HttpRequest injected = get(plain.url());
    injected.headers = {"A: b\r\nC: d"};
    const std::vector<std::pair<HttpRequest, HttpFault>> cases = {
        {get(resetting.url()), HttpFault::lost},
        {get(cutting.url()), HttpFault::lost},
        {get(babbling.url()), HttpFault::protocol},
        {get("https" + plain.url().substr(4)), HttpFault::tls},
        {get("http://127.0.0.1:" + closed_port), HttpFault::connect},
        {get("http://no-such-host.invalid"), HttpFault::connect},
        {get("file:///etc/passwd"), HttpFault::bad_request},
        {get("http://[bad/"), HttpFault::bad_request},
        {injected, HttpFault::bad_request},
    };
    HttpClient client;
    for (const auto& one : cases) {
        SCOPED_TRACE(one.first.url);
        const auto error = failure_of(loop, client, one.first);
        ASSERT_TRUE(error);
        EXPECT_EQ(error->fault(), one.second) << error->what();
    }
    EXPECT_EQ(client.transfers(), 0U);
}

TEST_P(HttpClientTest, SaysNeitherPathNorPassword) {
    Loop loop;
    HttpClient client;
    const auto error =
        failure_of(loop, client, get("http://user:hidden@127.0.0.1:1/path?key=secret"));
    ASSERT_TRUE(error);
    EXPECT_EQ(std::string(error->what()).find("hidden"), std::string::npos) << error->what();
    EXPECT_EQ(std::string(error->what()).find("secret"), std::string::npos) << error->what();
    EXPECT_NE(std::string(error->what()).find("127.0.0.1:1"), std::string::npos) << error->what();
}

// Whatever a server does behind the last byte that is needed; only a proper end keeps the
// connection.
TEST_P(HttpClientTest, EndsWellWhenTheReceiverHasEnough) {
    const std::vector<std::pair<std::string, int>> cases = {
        {"0\r\n\r\n", 1}, {"", 2}, {"rubbish", 2}, {chunk("more of it"), 2}};
    for (const auto& one : cases) {
        SCOPED_TRACE(one.first);
        Loop loop;
        HttpServer server(loop, [&](HttpPeer& peer) -> awaitable<void> {
            for (;;) {
                const std::string request = co_await peer.request();
                if (request.empty()) {
                    co_return;
                }
                co_await peer.send(kStreamHead + chunk("enough"));
                co_await peer.send(one.first);
            }
        });
        HttpClient client;
        for (int i = 0; i < 2; ++i) {
            Collector collector;
            loop.run(client.stream(get(server.url()), collector));
            EXPECT_EQ(collector.text, "enough");
        }
        EXPECT_EQ(server.connections(), one.second);
        EXPECT_TRUE(turn(loop, [&] { return server.open() <= 2 - one.second; }));
    }
}

TEST_P(HttpClientTest, PassesOnWhatTheReceiverThrows) {
    Loop loop;
    HttpServer server(loop, answers(http_answer("fine")));
    HttpClient client;
    Collector collector;
    collector.on_piece = [] { throw std::logic_error("the receiver's own"); };
    EXPECT_THROW(loop.run(client.stream(get(server.url()), collector)), std::logic_error);
    EXPECT_EQ(client.transfers(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Http1, HttpClientTest, testing::Bool(),
                         [](const auto& one) { return one.param ? "Trickling" : "Any"; });

} // namespace
} // namespace mr::test
