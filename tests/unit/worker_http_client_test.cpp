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

TEST_P(HttpClientTest, SendsARequestAsGivenAndReturnsTheResponse) {
    Loop loop;
    std::string seen;
    HttpServer server(loop, [&seen](HttpPeer& peer) -> awaitable<void> {
        seen = co_await peer.request();
        co_await peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        co_await peer.send(http_answer("no such thing", "404 Not Found", "X-Request-Id: 17\r\n"));
        co_await peer.closed();
    });
    HttpClient client;
    HttpRequest request = request_of("POST", server.url("/v1/things?a=b"));
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

TEST_P(HttpClientTest, UsesAConnectionAgain) {
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
TEST_P(HttpClientTest, HoldsLittleOfAResponseThatTrickles) {
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

TEST_P(HttpClientTest, WithdrawsWhatIsNotWantedAnyMoreWhenTheConnectionStands) {
    Loop loop;
    int requests = 0;
    HttpServer server(loop, [&requests](HttpPeer& peer) -> awaitable<void> {
        const std::string request = co_await peer.request();
        requests += request.empty() ? 0 : 1;
    });
    HttpClient client;
    for (const bool wanted : {false, true}) {
        HttpRequest request = request_of("POST", server.url());
        request.still_wanted = [&server, wanted] { return server.connections() == 0 || wanted; };
        const auto error = failure_of(loop, client, std::move(request));
        ASSERT_TRUE(error);
        EXPECT_EQ(error->fault(), wanted ? HttpFault::lost : HttpFault::withdrawn);
        EXPECT_EQ(requests, wanted ? 1 : 0);
    }
}

TEST_P(HttpClientTest, RunsManyAtOnce) {
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

TEST_P(HttpClientTest, ClosesTheSocketOfACancelledTransferAtOnce) {
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
        HttpRequest request = request_of("POST", server.url());
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

TEST_P(HttpClientTest, CanBeCancelledFromInsideTheReceiver) {
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

TEST_P(HttpClientTest, DoesNotWaitForANameLookupThatIsGivenUp) {
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

TEST_P(HttpClientTest, PausesAndGoesOn) {
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

// Waits for its own word when it has paused, and then goes on or breaks off.
struct Waiting final : HttpReceiver {
    explicit Waiting(Loop& loop) : word(loop.executor()) {}
    void head(const net::HttpHead&) override {}
    Flow body(std::string_view piece) override {
        if (hold) {
            return Flow::pause;
        }
        text += piece;
        return Flow::go_on;
    }
    awaitable<void> paused() override {
        ++pauses;
        co_await word.wait();
        if (breaks_off) {
            throw std::runtime_error("no room");
        }
        hold = false;
        resume();
    }
    Signal word;
    bool hold = true;
    bool breaks_off = false;
    int pauses = 0;
    std::string text;
};

TEST_P(HttpClientTest, WaitsWithAReceiverThatHasPaused) {
    Loop loop;
    HttpServer server(loop, answers(http_answer("all of it")));
    HttpClient client;
    Waiting receiver(loop);
    Cancellable work(loop, client.stream(get(server.url()), receiver));
    ASSERT_TRUE(turn(loop, [&] { return receiver.pauses == 1; }));
    receiver.word.notify();
    ASSERT_TRUE(turn(loop, [&] { return work.done; }));
    EXPECT_EQ(work.failure, nullptr);
    EXPECT_EQ(receiver.text, "all of it");
    EXPECT_EQ(receiver.pauses, 1);

    Waiting broken(loop);
    broken.breaks_off = true;
    Cancellable lost(loop, client.stream(get(server.url()), broken));
    ASSERT_TRUE(turn(loop, [&] { return broken.pauses == 1; }));
    broken.word.notify();
    ASSERT_TRUE(turn(loop, [&] { return lost.done; }));
    EXPECT_THROW(std::rethrow_exception(lost.failure), std::runtime_error);

    Waiting cancelled(loop);
    Cancellable stopped(loop, client.stream(get(server.url()), cancelled));
    ASSERT_TRUE(turn(loop, [&] { return cancelled.pauses == 1; }));
    stopped.cancel();
    ASSERT_TRUE(turn(loop, [&] { return stopped.done; }));
    EXPECT_TRUE(stopped.aborted());
    EXPECT_EQ(client.transfers(), 0U);
}

TEST_P(HttpClientTest, ARequestGoesOutBesideAResponseThatHasPaused) {
    Loop loop;
    std::size_t taken = 0;
    HttpServer server(loop, [&taken](HttpPeer& peer) -> awaitable<void> {
        co_await peer.send(kStreamHead + chunk("early "));
        const std::string request = co_await peer.request();
        taken = request.size();
        co_await peer.send(chunk("late") + "0\r\n\r\n");
    });
    HttpClient client;
    Collector collector;
    collector.hold = true;
    HttpRequest request = request_of("POST", server.url());
    request.body.assign(4'000'000, 'r'); // more than the kernel takes at once
    Cancellable work(loop, client.stream(std::move(request), collector));
    ASSERT_TRUE(turn(loop, [&] { return collector.held == 1 && taken > 4'000'000; }));
    turn(loop, [] { return false; }, milliseconds(20)); // lets the client see what comes behind
    collector.hold = false;
    collector.resume();
    ASSERT_TRUE(turn(loop, [&] { return work.done; }));
    EXPECT_EQ(work.failure, nullptr);
    EXPECT_EQ(collector.text, "early late");
    EXPECT_EQ(collector.held, 1);
}

// What the server has closed meanwhile is not used, and what it closes on our request is replaced.
TEST_P(HttpClientTest, AConnectionThatDiedMeanwhileIsReplaced) {
    Loop loop;
    int served = 0;
    HttpServer server(loop, [&served](HttpPeer& peer) -> awaitable<void> {
        co_await peer.request();
        ++served;
        co_await peer.send(http_answer("fine"));
        if (served >= 3) {
            co_await peer.request(); // and closes on it
        }
    });
    HttpClient client;
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(response_of(loop, client, get(server.url())).body, "fine");
    }
    EXPECT_EQ(server.connections(), 5);
}

TEST_P(HttpClientTest, AsksNoProxyOfTheEnvironment) {
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

INSTANTIATE_TEST_SUITE_P(Http1, HttpClientTest, testing::Bool(),
                         [](const auto& one) { return one.param ? "Trickling" : "Any"; });

} // namespace
} // namespace mr::test
