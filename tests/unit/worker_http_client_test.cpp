// The HTTP client against a scripted server: whole and streamed responses, back-pressure, and the
// closed socket behind every cancellation.
#include "tests/unit/worker_http_support.h"

#include <dlfcn.h>
#include <netdb.h>

#include <atomic>
#include <thread>

namespace {
std::atomic<bool> g_lookups_held{false};
constexpr auto kHeldLookup = std::chrono::seconds(3);
} // namespace

// Stands in front of the C library's, for libcurl too: the name "held.test" is not looked up before
// the test lets it.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** result) {
    using Lookup = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
    static const auto real = reinterpret_cast<Lookup>(dlsym(RTLD_NEXT, "getaddrinfo"));
    if (node != nullptr && std::string_view(node) == "held.test") {
        const auto end = std::chrono::steady_clock::now() + kHeldLookup;
        while (g_lookups_held && std::chrono::steady_clock::now() < end) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return EAI_NONAME;
    }
    return real(node, service, hints, result);
}

namespace mr::test {
namespace {

TEST(HttpClient, SendsARequestAsGivenAndReturnsTheResponse) {
    Loop loop;
    std::string seen;
    HttpServer server(loop, [&seen](HttpPeer& peer) -> awaitable<void> {
        seen = co_await peer.request();
        co_await peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        co_await peer.send(http_answer("no such thing", "404 Not Found", "X-Request-Id: 17\r\n"));
        co_await peer.closed();
    });
    HttpClient client;
    HttpRequest request("POST", server.url("/v1/things?a=b"));
    request.headers = {"Content-Type: application/json", "Authorization: Bearer key"};
    request.body = R"({"a":1})";
    const HttpResponse response = response_of(loop, client, std::move(request));
    EXPECT_EQ(response.head.status, 404);
    EXPECT_EQ(response.head.header("x-request-id"), "17");
    EXPECT_EQ(response.body, "no such thing");
    EXPECT_TRUE(seen.starts_with("POST /v1/things?a=b HTTP/1.1\r\n")) << seen;
    EXPECT_TRUE(seen.ends_with("\r\n\r\n{\"a\":1}")) << seen;
    EXPECT_NE(seen.find("Content-Type: application/json\r\n"), std::string::npos);
    EXPECT_NE(seen.find("Authorization: Bearer key\r\n"), std::string::npos);
    EXPECT_NE(seen.find("User-Agent: mr-ws/"), std::string::npos);
    EXPECT_EQ(seen.find("Expect:"), std::string::npos);
}

TEST(HttpClient, UsesAConnectionAgain) {
    Loop loop;
    HttpServer server(loop, answers(http_answer("fine")));
    HttpClient client;
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(response_of(loop, client, get(server.url())).body, "fine");
    }
    EXPECT_EQ(server.connections(), 1);
    EXPECT_EQ(client.transfers(), 0U);
}

// Whatever it is told to hold for a response, all of it comes: lines and pieces longer than that
// too.
TEST(HttpClient, HoldsLittleOfAResponseThatTrickles) {
    constexpr std::size_t kHeld = 2 * 1024;
    Loop loop;
    const std::string long_value(3 * kHeld, 'v');
    const std::string body(50 * kHeld + 7, 'b');
    HttpServer server(loop, answers(http_answer(body, "200 OK", "X-Long: " + long_value + "\r\n")));
    HttpClient client;
    struct Widest final : HttpReceiver {
        void head(const net::HttpHead& head) override { value = head.header("x-long"); }
        Flow body(std::string_view piece) override {
            widest = std::max(widest, piece.size());
            text += piece;
            return Flow::go_on;
        }
        std::string value;
        std::size_t widest = 0;
        std::string text;
    };
    for (const bool trickles : {false, true, false}) { // a handle is used again
        Widest receiver;
        HttpRequest request = get(server.url());
        request.trickles = trickles;
        loop.run(client.stream(std::move(request), receiver));
        EXPECT_EQ(receiver.value, long_value);
        EXPECT_EQ(receiver.text, body);
        EXPECT_EQ(receiver.widest <= kHeld, trickles) << receiver.widest;
    }
}

TEST(HttpClient, WithdrawsWhatIsNotWantedAnyMoreWhenTheConnectionStands) {
    Loop loop;
    int requests = 0;
    HttpServer server(loop, [&requests](HttpPeer& peer) -> awaitable<void> {
        const std::string request = co_await peer.request();
        requests += request.empty() ? 0 : 1;
    });
    HttpClient client;
    for (const bool wanted : {false, true}) {
        HttpRequest request("POST", server.url());
        request.still_wanted = [&server, wanted] { return server.connections() == 0 || wanted; };
        const auto error = failure_of(loop, client, std::move(request));
        ASSERT_TRUE(error);
        EXPECT_EQ(error->fault(), wanted ? HttpFault::lost : HttpFault::withdrawn);
        EXPECT_EQ(requests, wanted ? 1 : 0);
    }
}

TEST(HttpClient, RunsManyAtOnce) {
    Loop loop;
    HttpServer server(loop, answers(http_answer("fine")));
    HttpClient client;
    int done = 0;
    for (int i = 0; i < 100; ++i) {
        boost::asio::co_spawn(loop.context, client.request(get(server.url())),
                              [&done](std::exception_ptr error, const HttpResponse& response) {
                                  EXPECT_EQ(error, nullptr);
                                  EXPECT_EQ(response.body, "fine");
                                  ++done;
                              });
    }
    EXPECT_TRUE(turn(loop, [&] { return done == 100; }));
}

TEST(HttpClient, ClosesTheSocketOfACancelledTransferAtOnce) {
    // Where the server stands when the client is cancelled.
    const std::vector<std::pair<const char*, std::vector<std::string>>> cases = {
        {"before the first byte", {}},
        {"within the head", {"HTTP/1.1 200 OK\r\nContent-"}},
        {"behind the head", {kStreamHead}},
        {"between two pieces", {kStreamHead, chunk("data: 1\n\n")}},
        {"inside a piece", {kStreamHead, "ff\r\ndata: 2"}},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.first);
        Loop loop;
        bool waiting = false;
        bool gone = false;
        HttpServer server(loop, [&](HttpPeer& peer) -> awaitable<void> {
            co_await peer.request();
            for (const std::string& part : one.second) {
                co_await peer.send(part);
            }
            waiting = true;
            co_await peer.closed();
            gone = true;
        });
        HttpClient client;
        Collector collector;
        HttpRequest request("POST", server.url());
        request.body = "{}";
        Cancellable work(loop, client.stream(std::move(request), collector));
        ASSERT_TRUE(turn(loop, [&] { return waiting; }));
        turn(loop, [] { return false; }, milliseconds(20)); // lets the client read it
        work.cancel();
        EXPECT_TRUE(turn(loop, [&] { return work.done && gone; }));
        EXPECT_TRUE(work.aborted());
        EXPECT_EQ(client.transfers(), 0U);
        // And it is not used again.
        Cancellable again(loop, client.stream(get(server.url()), collector));
        EXPECT_TRUE(turn(loop, [&] { return server.connections() == 2; }));
        again.cancel();
        EXPECT_TRUE(turn(loop, [&] { return again.done; }));
    }
}

TEST(HttpClient, CanBeCancelledFromInsideTheReceiver) {
    Loop loop;
    bool gone = false;
    HttpServer server(loop, [&gone](HttpPeer& peer) -> awaitable<void> {
        co_await peer.request();
        co_await peer.send(kStreamHead + chunk("one") + chunk("two"));
        co_await peer.closed();
        gone = true;
    });
    HttpClient client;
    Collector collector;
    std::unique_ptr<Cancellable> work;
    collector.on_piece = [&work] { work->cancel(); };
    work = std::make_unique<Cancellable>(loop, client.stream(get(server.url()), collector));
    EXPECT_TRUE(turn(loop, [&] { return work->done && gone; }));
    EXPECT_TRUE(work->aborted());
}

TEST(HttpClient, DoesNotWaitForANameLookupThatIsGivenUp) {
    Loop loop;
    HttpClient client;
    Collector collector;
    g_lookups_held = true;
    Cancellable work(loop, client.stream(get("http://held.test/"), collector));
    turn(loop, [] { return false; }, milliseconds(50));
    const auto before = Clock::now();
    work.cancel();
    EXPECT_TRUE(turn(loop, [&] { return work.done; }));
    EXPECT_LT(Clock::now() - before, kHeldLookup / 2);
    EXPECT_TRUE(work.aborted());

    HttpRequest slow = get("http://held.test/");
    slow.timeouts.connect = milliseconds(30);
    const auto late = failure_of(loop, client, std::move(slow));
    EXPECT_LT(Clock::now() - before, kHeldLookup / 2);
    g_lookups_held = false;
    ASSERT_TRUE(late);
    EXPECT_EQ(late->fault(), HttpFault::timeout);
    std::this_thread::sleep_for(milliseconds(20)); // the two lookups leave
}

TEST(HttpClient, PausesAndGoesOn) {
    Loop loop;
    const std::string much(200'000, 'x');
    std::size_t sent = 0;
    HttpServer server(loop, [&](HttpPeer& peer) -> awaitable<void> {
        co_await peer.request();
        co_await peer.send(kStreamHead);
        for (int i = 0; i < 100; ++i) {
            const bool good = co_await peer.send(chunk(much));
            if (!good) {
                co_return;
            }
            sent += much.size();
        }
        co_await peer.send("0\r\n\r\n");
        co_await peer.closed();
    });
    HttpClient client;
    Collector collector;
    collector.hold = true;
    HttpRequest request = get(server.url());
    request.max_response_bytes = 100 * much.size();
    request.timeouts.idle = milliseconds(150); // does not count while it pauses
    Cancellable work(loop, client.stream(std::move(request), collector));
    ASSERT_TRUE(turn(loop, [&] { return collector.held == 1; }));
    turn(loop, [] { return false; }, milliseconds(300));
    EXPECT_EQ(collector.held, 1) << "paused, and yet called again";
    EXPECT_LT(sent, 100 * much.size()) << "the kernel's buffers have taken it all";
    collector.hold = false;
    collector.resume();
    EXPECT_TRUE(turn(loop, [&] { return work.done; }, std::chrono::seconds(30)));
    EXPECT_EQ(work.failure, nullptr);
    EXPECT_EQ(collector.text.size(), 100 * much.size());
}

TEST(HttpClient, AsksNoProxyOfTheEnvironment) {
    Loop loop;
    HttpServer server(loop, answers(http_answer("fine")));
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    HttpClient client;
    EXPECT_EQ(response_of(loop, client, get(server.url())).body, "fine");
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    net::HttpOptions options;
    options.proxy = server.url();
    HttpClient behind(options);
    EXPECT_EQ(response_of(loop, behind, get("http://held.test/")).body, "fine");
}

} // namespace
} // namespace mr::test
