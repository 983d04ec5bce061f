// The worker's metrics: the page and its bounds, that docs/metrics.md has all of them, the server,
// and what calls to providers count.
#include "tests/unit/worker_openai_support.h"
#include "worker/metrics/meters.h"
#include "worker/metrics/process.h"
#include "worker/metrics/server.h"
#include "worker/providers/call_log.h"
#include "worker/providers/entra/token.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <fstream>
#include <sstream>

namespace mr::test {
namespace {

using metrics::Label;
using metrics::OwnMeters;

// ---- the page

TEST(MetricsPage, CountersGaugesAndHistograms) {
    metrics::Registry registry;
    metrics::CounterFamily calls(registry, {"calls_total", "Calls", {{"by", {"us", "them"}}}});
    metrics::GaugeFamily heat(registry, {"heat", "Heat", {}});
    const double bounds[] = {0.25, 1, 10};
    metrics::HistogramFamily took(registry, {"took_seconds", "Time", {{"what", {}}}}, bounds);
    calls.at({"us"}).add(3);
    heat.at({}).set(0.5);
    heat.at({}).add(1);
    for (const double seconds : {0.25, 0.3, 20.0}) {
        took.at({"a \"b\"\\\n"}).observe(seconds);
    }
    registry.on_collect([&heat] { heat.at({}).add(1); });
    EXPECT_EQ(registry.page(), "# HELP calls_total Calls\n"
                               "# TYPE calls_total counter\n"
                               "calls_total{by=\"them\"} 0\n"
                               "calls_total{by=\"us\"} 3\n"
                               "# HELP heat Heat\n"
                               "# TYPE heat gauge\n"
                               "heat 2.500000\n"
                               "# HELP took_seconds Time\n"
                               "# TYPE took_seconds histogram\n"
                               "took_seconds_bucket{what=\"a \\\"b\\\"\\\\?\",le=\"0.25\"} 1\n"
                               "took_seconds_bucket{what=\"a \\\"b\\\"\\\\?\",le=\"1\"} 2\n"
                               "took_seconds_bucket{what=\"a \\\"b\\\"\\\\?\",le=\"10\"} 2\n"
                               "took_seconds_bucket{what=\"a \\\"b\\\"\\\\?\",le=\"+Inf\"} 3\n"
                               "took_seconds_sum{what=\"a \\\"b\\\"\\\\?\"} 20.550000\n"
                               "took_seconds_count{what=\"a \\\"b\\\"\\\\?\"} 3\n");
}

TEST(MetricsPage, MoreLabelValuesThanThereIsRoomForCountAsOne) {
    metrics::Registry registry;
    metrics::CounterFamily calls(registry, {"calls_total", "Calls", {{"by", {}}}});
    for (std::size_t i = 0; i < 3 * metrics::kMaxSeries; ++i) {
        calls.at({std::to_string(i)}).add();
    }
    EXPECT_EQ(calls.at({"other"}).value(), 2 * metrics::kMaxSeries);
    const std::string page = registry.page();
    EXPECT_EQ(std::count(page.begin(), page.end(), '\n'), metrics::kMaxSeries + 3);
    calls.at({std::string(10'000, 'x')}).add();
    EXPECT_LT(registry.page().size(), page.size() + 100);
}

TEST(MetricsPage, OneSetPerProcessUnlessATestWantsItsOwn) {
    const auto before = metrics::meters().lease_lapses.at({}).value();
    {
        OwnMeters own;
        metrics::meters().lease_lapses.at({}).add(5);
        EXPECT_EQ(own->lease_lapses.at({}).value(), 5U);
    }
    EXPECT_EQ(metrics::meters().lease_lapses.at({}).value(), before);
}

TEST(MetricsPage, TheProcessIsLookedAt) {
    OwnMeters own;
    metrics::look_at_process(*own);
    EXPECT_GT(own->resident_bytes.at({}).value(), 1e6);
    EXPECT_GT(own->open_files.at({}).value(), 2);
    EXPECT_GT(own->max_files.at({}).value(), own->open_files.at({}).value());
    EXPECT_GT(own->start_time.at({}).value(), 1.6e9);
    EXPECT_LE(own->start_time.at({}).value(), static_cast<double>(std::time(nullptr)) + 1);
}

// ---- the document

std::string labels_in_words(const metrics::Description& about) {
    std::string text;
    for (const Label& label : about.labels) {
        text += (text.empty() ? "`" : "; `") + std::string(label.name) + "`";
        for (std::size_t i = 0; i < label.known.size(); ++i) {
            text += (i == 0 ? ": " : ", ") + std::string(label.known[i]);
        }
    }
    return text;
}

TEST(MetricsDocument, HasWhatIsExportedAndNothingElse) {
    std::ifstream file(MR_METRICS_DOCUMENT);
    ASSERT_TRUE(file) << MR_METRICS_DOCUMENT;
    std::vector<std::string> written;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("| `mr_worker_") || line.starts_with("| `process_")) {
            written.push_back(line);
        }
    }
    OwnMeters own;
    std::vector<std::string> exported;
    for (const metrics::FamilyBase* family : own->registry.families()) {
        const metrics::Description& about = family->description();
        exported.push_back("| `" + std::string(about.name) + "` | " +
                           std::string(kind_name(family->kind())) + " | " + labels_in_words(about) +
                           " | " + std::string(about.help) + " |");
    }
    EXPECT_EQ(written, exported);
}

TEST(MetricsDocument, NamesKeepToTheConventions) {
    OwnMeters own;
    for (const metrics::FamilyBase* family : own->registry.families()) {
        const std::string_view name = family->description().name;
        EXPECT_TRUE(name.starts_with("mr_worker_") || name.starts_with("process_")) << name;
        EXPECT_EQ(name.ends_with("_total"), family->kind() == metrics::Kind::counter) << name;
        EXPECT_EQ(name.ends_with("_seconds"), family->kind() == metrics::Kind::histogram ||
                                                  name == "mr_worker_doorbell_oldest_seconds" ||
                                                  name == "process_start_time_seconds")
            << name;
    }
}

// ---- the server

class MetricsServer : public ::testing::Test {
  protected:
    MetricsServer()
        : server(metrics::Server::open(
              loop.executor(), "127.0.0.1:0",
              {[] { return std::string("# the page\n"); }, [this] { return trouble; }})) {
        server->start();
    }
    ~MetricsServer() override { server->close(); }

    // What comes back for these bytes, up to the end of the connection.
    std::string answer(const std::string& request) {
        std::string got;
        loop.run(exchange(request, got));
        return got;
    }
    awaitable<void> exchange(std::string request, std::string& got) {
        boost::asio::ip::tcp::socket socket(loop.executor());
        const auto at = metrics::parse_listen_address(server->address());
        co_await socket.async_connect(at, boost::asio::use_awaitable);
        co_await boost::asio::async_write(socket, boost::asio::buffer(request),
                                          boost::asio::as_tuple(boost::asio::use_awaitable));
        co_await boost::asio::async_read(socket, boost::asio::dynamic_buffer(got),
                                         boost::asio::as_tuple(boost::asio::use_awaitable));
    }

    Loop loop;
    std::string trouble;
    std::shared_ptr<metrics::Server> server;
};

TEST_F(MetricsServer, ThePage) {
    const std::string got = answer("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\n")) << got;
    EXPECT_NE(got.find("Content-Type: text/plain; version=0.0.4\r\n"), std::string::npos);
    EXPECT_NE(got.find("Content-Length: 11\r\n"), std::string::npos);
    EXPECT_TRUE(got.ends_with("\r\n\r\n# the page\n"));
    EXPECT_TRUE(answer("GET /metrics?x=1 HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200 "));
    const std::string head = answer("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(head.ends_with("\r\n\r\n")) << "no body: " << head;
    EXPECT_NE(head.find("Content-Length: 11\r\n"), std::string::npos);
}

TEST_F(MetricsServer, HealthAndReadiness) {
    EXPECT_TRUE(answer("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("\r\n\r\nok\n"));
    EXPECT_TRUE(answer("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("\r\n\r\nready\n"));
    trouble = "no lease";
    const std::string not_ready = answer("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(not_ready.starts_with("HTTP/1.1 503 ")) << not_ready;
    EXPECT_TRUE(not_ready.ends_with("not ready: no lease\n"));
    EXPECT_TRUE(answer("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST_F(MetricsServer, WhatItDoesNotServe) {
    EXPECT_TRUE(answer("GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 404 "));
    const std::string refused = answer("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 405 ")) << refused;
    EXPECT_NE(refused.find("Allow: GET, HEAD\r\n"), std::string::npos);
    EXPECT_EQ(answer("no request\r\n\r\n"), "");
    const std::string huge(2 * metrics::kMaxRequestHeadBytes, 'x');
    EXPECT_EQ(answer("GET /metrics HTTP/1.1\r\nX: " + huge + "\r\n\r\n"), "");
    EXPECT_TRUE(answer("GET /healthz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 ")) << "alive";
}

TEST_F(MetricsServer, ConnectionsAreBounded) {
    std::vector<boost::asio::ip::tcp::socket> held;
    const auto at = metrics::parse_listen_address(server->address());
    for (std::size_t i = 0; i < metrics::kMaxScrapers; ++i) {
        held.emplace_back(loop.executor()).connect(at);
    }
    EXPECT_EQ(answer("GET /healthz HTTP/1.1\r\n\r\n"), "") << "closed without a word";
    held.clear();
    std::string got;
    for (int tries = 0; tries < 1'000 && got.empty(); ++tries) {
        got = answer("GET /healthz HTTP/1.1\r\n\r\n");
    }
    EXPECT_TRUE(got.starts_with("HTTP/1.1 200 ")) << got;
}

TEST_F(MetricsServer, AnAddressThatIsTakenIsNamed) {
    try {
        metrics::Server::open(loop.executor(), server->address(), {});
        FAIL() << "two on one port";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find(server->address() + ": Address already in use"),
                  std::string::npos)
            << error.what();
    }
}

TEST(MetricsAddress, NumericWithAPort) {
    EXPECT_EQ(metrics::parse_listen_address("127.0.0.1:9464").port(), 9464);
    EXPECT_TRUE(metrics::parse_listen_address("[::1]:9464").address().is_v6());
    for (const char* wrong : {"", "9464", ":9464", "localhost:9464", "127.0.0.1", "127.0.0.1:",
                              "127.0.0.1:x", "127.0.0.1:70000", "::1:9464", "127.0.0.1:1 "}) {
        EXPECT_THROW(metrics::parse_listen_address(wrong), std::runtime_error) << wrong;
    }
}

// ---- calls of providers

TEST(ProviderMeters, ARetriedAnswerCountsEachTryItsTokensAndItsFirstText) {
    OwnMeters own;
    const std::string body = delta("Hi") + finish("stop") + kUsage + kDone;
    const json busy = {{"type", "requests"}, {"code", "rate_limit_exceeded"}};
    Loop loop;
    Scripted scripted(
        loop, {refused("429 Too Many Requests", busy, "Retry-After-Ms: 1\r\n"), streamed(body)});
    const auto responder = responder_of(setup_for(scripted));
    const Outcome outcome = run(loop, *responder, Asked());
    EXPECT_EQ(outcome.text, "Hi");
    EXPECT_EQ(own->request_duration.at({"openai", "generate", "rate_limited"}).count(), 1U);
    EXPECT_EQ(own->request_duration.at({"openai", "generate", "ok"}).count(), 1U);
    EXPECT_EQ(own->retries.at({"openai", "rate_limited"}).value(), 1U);
    EXPECT_EQ(own->first_token.at({"openai", "model-a"}).count(), 1U);
    EXPECT_EQ(own->tokens.at({"openai", "model-a", "input"}).value(), 9U);
    EXPECT_EQ(own->tokens.at({"openai", "model-a", "output"}).value(), 2U);
    EXPECT_EQ(own->tokens.at({"openai", "model-a", "cached"}).value(), 4U);
}

TEST(ProviderMeters, AnswersThatAreAskedForInOtherWordsCountAsFurtherTries) {
    OwnMeters own;
    const json unknown = {{"message", "x"}, {"param", "stream_options"}};
    Loop loop;
    Scripted scripted(loop, {refused("400 Bad Request", unknown),
                             streamed(delta("Hi") + finish("stop") + kDone)});
    const auto responder = responder_of(setup_for(scripted));
    EXPECT_EQ(run(loop, *responder, Asked()).text, "Hi");
    EXPECT_EQ(own->retries.at({"openai", "bad_request"}).value(), 1U);
}

TEST(ProviderMeters, TokensThatAreAskedForAgainCount) {
    OwnMeters own;
    Loop loop;
    Scripted scripted(loop, {http_answer("", "503 Down"),
                             http_answer(R"({"access_token":"t-1","expires_in":3599})")});
    entra::ClientOptions options;
    options.authority = scripted.server.url("/");
    options.timing.retry_base = milliseconds(1);
    const auto credential =
        entra::make_client_credential(std::make_shared<net::HttpClient>(), options);
    const auto ask = [](Credential& from, std::string& header) -> awaitable<void> {
        CallContext call;
        call.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        header = co_await from.header(call);
    };
    std::string header;
    loop.run(ask(*credential, header));
    EXPECT_EQ(header, "Authorization: Bearer t-1");
    EXPECT_EQ(own->request_duration.at({"entra", "token", "unavailable"}).count(), 1U);
    EXPECT_EQ(own->request_duration.at({"entra", "token", "ok"}).count(), 1U);
    EXPECT_EQ(own->retries.at({"entra", "unavailable"}).value(), 1U);
}

TEST(ProviderMeters, RequestsCarryOurNameOfThem) {
    const std::string body = delta("Hi") + finish("stop") + kDone;
    Loop loop;
    Scripted scripted(loop, {streamed(body)});
    const auto responder = responder_of(setup_for(scripted));
    run(loop, *responder, Asked());
    EXPECT_NE(scripted.requests.at(0).find(
                  "X-Client-Request-Id: 4bf92f3577b34da6a3ce929d0e0e4736--1\r\n"),
              std::string::npos)
        << scripted.requests.at(0);
    CallContext call;
    call.step = "turn 1/response\r\n";
    EXPECT_EQ(client_request_id(call), "turn_1/response__-1");
    call.step = std::string(1'000, 'x');
    EXPECT_EQ(client_request_id(call).size(), kMaxClientRequestId);
}

TEST(ProviderMeters, OnlyTellingHeadersAreLogged) {
    net::HttpHead head;
    head.status = 200;
    head.headers = {{"x-request-id", "req-1"},
                    {"set-cookie", "secret"},
                    {"x-ratelimit-remaining-requests", "41"},
                    {"anthropic-ratelimit-tokens-reset", "2026-11-28T00:00:00Z"},
                    {"openai-processing-ms", "12"}};
    EXPECT_EQ(telling_headers(head),
              "x-request-id=req-1 x-ratelimit-remaining-requests=41 "
              "anthropic-ratelimit-tokens-reset=2026-11-28T00:00:00Z openai-processing-ms=12");
    head.headers.assign(1'000, {"x-ratelimit-x", "1"});
    EXPECT_LE(telling_headers(head).size(), kMaxLoggedHeadBytes);
}

TEST(ProviderMeters, ACallAtDebugLevelIsOneLineWithoutTheKey) {
    const std::string body = delta("Hi") + finish("stop") + kDone;
    std::string answer = streamed(body);
    answer.insert(answer.find("\r\n") + 2,
                  "X-Request-Id: req-" + kKey + "\r\nX-Ratelimit-Remaining-Tokens: 7\r\n");
    log::set_level(log::Level::debug);
    testing::internal::CaptureStderr();
    answer_to({answer});
    const std::string text = testing::internal::GetCapturedStderr();
    log::set_level(log::Level::info);
    EXPECT_NE(text.find("x-request-id=req-[key] x-ratelimit-remaining-tokens=7"), std::string::npos)
        << text;
    EXPECT_EQ(text.find(kKey), std::string::npos);
}

} // namespace
} // namespace mr::test
