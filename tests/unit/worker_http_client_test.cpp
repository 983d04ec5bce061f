// The HTTP client against a scripted server: whole and streamed responses, back-pressure, every
// deadline and bound, and the closed socket behind every cancellation.
#include "tests/unit/worker_http_server.h"
#include "worker/net/http_client.h"

#include <dlfcn.h>
#include <netdb.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
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

using boost::asio::awaitable;
using net::HttpClient;
using net::HttpError;
using net::HttpFault;
using net::HttpReceiver;
using net::HttpRequest;
using net::HttpResponse;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr const char* kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string chunk(const std::string& text) {
    char size[20];
    std::snprintf(size, sizeof(size), "%zx", text.size());
    return std::string(size) + "\r\n" + text + "\r\n";
}

HttpRequest get(const std::string& url) {
    return {"GET", url};
}

// Answers every request of a connection in the same way.
HttpServer::Script answers(std::string answer) {
    return [answer](HttpPeer& peer) -> awaitable<void> {
        for (;;) {
            const std::string request = co_await peer.request();
            if (request.empty()) {
                co_return;
            }
            co_await peer.send(answer);
        }
    };
}

class Collector final : public HttpReceiver {
  public:
    void head(const net::HttpHead& head) override { status = head.status; }
    Flow body(std::string_view piece) override {
        if (hold) {
            ++held;
            return Flow::pause;
        }
        text += piece;
        ++pieces;
        if (on_piece) {
            on_piece();
        }
        return text.ends_with(last_words) ? Flow::enough : Flow::go_on;
    }
    int status = 0;
    int pieces = 0;
    int held = 0;
    bool hold = false;
    std::string text;
    std::string last_words = "enough";
    std::function<void()> on_piece;
};

// Runs a coroutine that can be cancelled.
struct Cancellable {
    Cancellable(Loop& loop, awaitable<void> work) {
        boost::asio::co_spawn(
            loop.context, std::move(work),
            boost::asio::bind_cancellation_slot(signal.slot(), [this](std::exception_ptr error) {
                failure = std::move(error);
                done = true;
            }));
    }
    void cancel() { signal.emit(boost::asio::cancellation_type::terminal); }
    bool aborted() const {
        try {
            if (failure) {
                std::rethrow_exception(failure);
            }
        } catch (const boost::system::system_error& error) {
            return error.code() == boost::asio::error::operation_aborted;
        } catch (const std::exception&) {
            return false;
        }
        return false;
    }

    boost::asio::cancellation_signal signal;
    std::exception_ptr failure;
    bool done = false;
};

// Turns the loop until the condition holds.
bool turn(Loop& loop, const std::function<bool()>& condition,
          milliseconds limit = std::chrono::seconds(10)) {
    loop.context.restart();
    const auto end = Clock::now() + limit;
    while (!condition() && Clock::now() < end) {
        loop.context.run_one_for(milliseconds(20));
    }
    return condition();
}

std::optional<HttpError> failure_of(Loop& loop, HttpClient& client, HttpRequest request) {
    std::optional<HttpError> failure;
    loop.run(
        [](HttpClient& http, HttpRequest wanted, std::optional<HttpError>& out) -> awaitable<void> {
            try {
                co_await http.request(std::move(wanted));
            } catch (const HttpError& error) {
                out = error;
            }
        }(client, std::move(request), failure));
    return failure;
}

HttpResponse response_of(Loop& loop, HttpClient& client, HttpRequest request) {
    HttpResponse response;
    loop.run([](HttpClient& http, HttpRequest wanted, HttpResponse& out) -> awaitable<void> {
        out = co_await http.request(std::move(wanted));
    }(client, std::move(request), response));
    return response;
}

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

TEST(HttpClient, KeepsEveryDeadline) {
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

TEST(HttpClient, KeepsItsBounds) {
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

TEST(HttpClient, NamesWhatWentWrong) {
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

TEST(HttpClient, SaysNeitherPathNorPassword) {
    Loop loop;
    HttpClient client;
    const auto error =
        failure_of(loop, client, get("http://user:hidden@127.0.0.1:1/path?key=secret"));
    ASSERT_TRUE(error);
    EXPECT_EQ(std::string(error->what()).find("hidden"), std::string::npos) << error->what();
    EXPECT_EQ(std::string(error->what()).find("secret"), std::string::npos) << error->what();
    EXPECT_NE(std::string(error->what()).find("127.0.0.1:1"), std::string::npos) << error->what();
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

// Whatever a server does behind the last byte that is needed; only a proper end keeps the
// connection.
TEST(HttpClient, EndsWellWhenTheReceiverHasEnough) {
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

TEST(HttpClient, PassesOnWhatTheReceiverThrows) {
    Loop loop;
    HttpServer server(loop, answers(http_answer("fine")));
    HttpClient client;
    Collector collector;
    collector.on_piece = [] { throw std::logic_error("the receiver's own"); };
    EXPECT_THROW(loop.run(client.stream(get(server.url()), collector)), std::logic_error);
    EXPECT_EQ(client.transfers(), 0U);
}

} // namespace
} // namespace mr::test
