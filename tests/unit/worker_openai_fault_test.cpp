// The OpenAI responder when things go wrong: every failure with its text and its retries,
// deadlines, cancellation, readers that are slower than the model.
#include "tests/unit/worker_openai_support.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

namespace mr::test {
namespace {

struct FaultCase {
    const char* name;
    std::string reply;
    ProviderFault fault;
    std::string says; // part of what the user reads
    int attempts;
    std::string text = "";
};

json api_error(const std::string& type, const std::string& code = "",
               const std::string& param = "") {
    json error;
    error["message"] = "Details that are nobody's business: " + kKey;
    error["type"] = type;
    error["code"] = code.empty() ? json() : json(code);
    error["param"] = param.empty() ? json() : json(param);
    return error;
}

const std::string kSoon = "retry-after-ms: 1\r\n";

std::vector<FaultCase> fault_cases() {
    using Fault = ProviderFault;
    const std::string begun = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                              "Content-Length: 100000\r\n\r\n";
    return {
        {"bad request", refused("400 Bad Request", api_error("invalid_request_error")),
         Fault::bad_request, "refused the request", 1},
        {"too long",
         refused("400 Bad Request", api_error("invalid_request_error", "context_length_exceeded")),
         Fault::bad_request, "too long", 1},
        {"bad key", refused("401 Unauthorized", api_error("invalid_request_error", "bad_key")),
         Fault::bad_request, "refused us access", 1},
        {"no permission", refused("403 Forbidden", api_error("x")), Fault::bad_request,
         "refused us access", 1},
        {"no such model", refused("404 Not Found", api_error("x", "model_not_found")),
         Fault::bad_request, "not available", 1},
        {"timeout over there", refused("408 Timeout", api_error("x"), kSoon), Fault::unavailable,
         "has a problem", 3},
        {"conflict", refused("409 Conflict", api_error("x"), kSoon), Fault::unavailable,
         "has a problem", 3},
        {"rate limit", refused("429 Too Many", api_error("x", "rate_limit_exceeded"), kSoon),
         Fault::rate_limited, "busy", 3},
        {"rate limit, seconds with a fraction",
         refused("429 Too Many", api_error("x"), "retry-after: 0.002\r\n"), Fault::rate_limited,
         "busy", 3},
        {"rate limit far beyond the deadline",
         refused("429 Too Many", api_error("x"), "retry-after: 60\r\n"), Fault::rate_limited,
         "busy", 1},
        {"quota used up", refused("429 Too Many", api_error("insufficient_quota"), kSoon),
         Fault::rate_limited, "quota", 1},
        {"server error", refused("500 Internal", api_error("server_error"), kSoon),
         Fault::unavailable, "has a problem", 3},
        {"overloaded", refused("503 Unavailable", api_error("x", "server_is_overloaded"), kSoon),
         Fault::unavailable, "has a problem", 3},
        {"told not to retry",
         refused("503 Unavailable", api_error("x"), kSoon + "x-should-retry: false\r\n"),
         Fault::unavailable, "has a problem", 1},
        {"told to retry",
         refused("400 Bad Request", api_error("x"), kSoon + "x-should-retry: true\r\n"),
         Fault::bad_request, "refused the request", 3},
        {"a proxy's page",
         http_answer("<html>Bad gateway</html>", "502 Bad Gateway",
                     "Content-Type: text/html\r\n" + kSoon),
         Fault::unavailable, "has a problem", 3},
        {"a page where an answer was to come",
         http_answer("<html>Log in</html>", "200 OK", "Content-Type: text/html\r\n"),
         Fault::bad_reply, "unusable", 1},
        {"a redirect", http_answer("", "302 Found", "Location: https://elsewhere/\r\n"),
         Fault::bad_request, "refused the request", 1},
        {"an event that is no JSON", streamed("data: {\"choices\":[{\n\n"), Fault::bad_reply,
         "unusable", 1},
        {"an error inside the stream",
         streamed(delta("Well, ") + "data: {\"error\":{\"type\":\"server_error\"}}\n\n"),
         Fault::unavailable, "has a problem", 1, "Well, "},
        {"a wrong request, said inside the stream",
         streamed("data: {\"error\":{\"type\":\"invalid_request_error\"}}\n\n"), Fault::bad_request,
         "refused the request", 1},
        {"the stream ends early", streamed(delta("Well, ")), Fault::bad_reply, "broke off", 1,
         "Well, "},
        {"the connection ends early", begun + delta("Well, ") + "…", Fault::unavailable,
         "broke off", 1, "Well, "},
        {"cut inside an event", begun + delta("Well, ") + "data: {\"choi…", Fault::unavailable,
         "broke off", 1, "Well, "},
        {"the model's limit", streamed(delta("Well, ") + finish("length") + kDone),
         Fault::bad_reply, "limit", 1, "Well, "},
        {"the content filter", streamed(finish("content_filter") + kDone), Fault::bad_reply,
         "content filter", 1},
        {"an endless event", streamed("data: " + std::string(1'100'000, 'x')), Fault::bad_reply,
         "unusable", 1},
        {"not HTTP", "SSH-2.0-x\r\n\r\n", Fault::bad_reply, "unusable", 1},
    };
}

TEST(OpenAi, MakesTheRightThingOfEveryFault) {
    for (const FaultCase& one : fault_cases()) {
        SCOPED_TRACE(one.name);
        testing::internal::CaptureStderr();
        const Outcome outcome = answer_to({one.reply});
        const std::string log = testing::internal::GetCapturedStderr();
        ASSERT_TRUE(outcome.error);
        EXPECT_EQ(outcome.error->fault(), one.fault);
        EXPECT_NE(std::string(outcome.error->what()).find(one.says), std::string::npos)
            << outcome.error->what();
        EXPECT_EQ(outcome.call.attempts, one.attempts);
        EXPECT_EQ(outcome.text, one.text);
        EXPECT_EQ(std::string(outcome.error->what()).find(kKey), std::string::npos);
        EXPECT_EQ(log.find(kKey), std::string::npos) << log;
        EXPECT_NE(log.find("language model call failed"), std::string::npos);
    }
}

TEST(OpenAi, TriesAgainUntilItWorks) {
    const std::string busy = refused("429 Too Many", api_error("x"), kSoon);
    const std::string fine = streamed(delta("Fine.") + finish("stop") + kDone);
    const Outcome outcome = answer_to({busy, busy, fine});
    EXPECT_FALSE(outcome.error);
    EXPECT_EQ(outcome.text, "Fine.");
    EXPECT_EQ(outcome.call.attempts, 3);
    // A kept connection that ends without a byte is libcurl's business: a new one, same attempt.
    const Outcome stale = answer_to({busy, "…", fine});
    EXPECT_EQ(stale.text, "Fine.");
    EXPECT_EQ(stale.call.attempts, 2);
}

TEST(OpenAi, LeavesOutWhatIsRefusedForGood) {
    Loop loop;
    const std::string fine = streamed(delta("Fine.") + finish("stop") + kDone);
    const std::string whole =
        http_answer(R"({"choices":[{"message":{"content":"Fine."},"finish_reason":"stop"}]})",
                    "200 OK", "Content-Type: application/json\r\n");
    Scripted scripted(loop,
                      {refused("400 Bad", api_error("x", "unknown_parameter", "stream_options")),
                       refused("400 Bad", api_error("x", "unsupported_value", "stream")), whole});
    const auto responder = responder_of(setup_for(scripted));
    EXPECT_EQ(run(loop, *responder, Asked()).text, "Fine.");
    EXPECT_EQ(run(loop, *responder, Asked()).text, "Fine.");
    ASSERT_EQ(scripted.requests.size(), 4U);
    EXPECT_NE(scripted.requests[0].find("stream_options"), std::string::npos);
    EXPECT_EQ(scripted.requests[1].find("stream_options"), std::string::npos);
    EXPECT_NE(scripted.requests[1].find("\"stream\":true"), std::string::npos);
    EXPECT_NE(scripted.requests[2].find("\"stream\":false"), std::string::npos);
    EXPECT_NE(scripted.requests[3].find("\"stream\":false"), std::string::npos);
}

TEST(OpenAi, KeepsTheDeadline) {
    const std::string begun = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                              "Content-Length: 100000\r\n\r\n";
    for (const std::string& reply : {std::string(), begun, begun + delta("Well, ")}) {
        const Outcome outcome = answer_to({reply}, Asked(), milliseconds(150));
        ASSERT_TRUE(outcome.error);
        EXPECT_EQ(outcome.error->fault(), ProviderFault::timeout);
        EXPECT_EQ(outcome.call.attempts, 1);
    }
}

TEST(OpenAi, AnswersThatAreWholeNeedNoProperEnd) {
    const std::string begun = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                              "Content-Length: 100000\r\n\r\n";
    for (const std::string& end : {finish("stop") + kDone, finish("stop") + "…"}) {
        const Outcome outcome = answer_to({begun + delta("Fine.") + end});
        EXPECT_FALSE(outcome.error);
        EXPECT_EQ(outcome.text, "Fine.");
    }
}

TEST(OpenAi, ACancellationClosesItsSocket) {
    Loop loop;
    bool begun = false;
    bool gone = false;
    HttpServer server(loop, [&](HttpPeer& peer) -> awaitable<void> {
        co_await peer.request();
        co_await peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" +
                           delta("Well, "));
        co_await peer.closed();
        gone = true;
    });
    const auto responder = responder_of(setup_at(server.url("/v1")));
    const Asked asked;
    const AnswerRequest request = asked.request();
    const TextSink sink = [&begun](std::string_view) { begun = true; };
    CallContext call;
    call.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    call.wait_room = []() -> Task<void> { co_return; };
    boost::asio::cancellation_signal stop;
    bool aborted = false;
    boost::asio::co_spawn(
        loop.context, responder->respond(request, sink, call),
        boost::asio::bind_cancellation_slot(stop.slot(), [&aborted](std::exception_ptr error) {
            try {
                std::rethrow_exception(std::move(error));
            } catch (const boost::system::system_error& failure) {
                aborted = failure.code() == boost::asio::error::operation_aborted;
            }
        }));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    bool stopped = false;
    while (!(aborted && gone) && std::chrono::steady_clock::now() < end) {
        loop.context.restart();
        loop.context.run_one_for(milliseconds(20));
        if (begun && !std::exchange(stopped, begun)) {
            stop.emit(boost::asio::cancellation_type::terminal);
        }
    }
    EXPECT_TRUE(aborted);
    EXPECT_TRUE(gone);
}

// A model that is faster than its readers waits for them.
TEST(OpenAi, WaitsForRoom) {
    Loop loop;
    std::string body;
    const std::string piece(1000, 'x');
    for (int i = 0; i < 1000; ++i) {
        body += delta(piece);
    }
    Scripted scripted(loop, {streamed(body + finish("stop") + kDone)});
    const auto responder = responder_of(setup_for(scripted));
    Outcome outcome;
    outcome.call.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    std::size_t most_ahead = 0;
    std::size_t taken = 0;
    int waits = 0;
    outcome.call.wait_room = [&]() -> Task<void> {
        ++waits;
        const std::size_t before = outcome.text.size();
        co_await mr::sleep_for(milliseconds(5));
        EXPECT_EQ(outcome.text.size(), before) << "text came while there was no room";
        most_ahead = std::max(most_ahead, outcome.text.size() - taken);
        taken = outcome.text.size();
    };
    const Asked asked;
    loop.run(respond(*responder, asked, outcome));
    EXPECT_FALSE(outcome.error);
    EXPECT_EQ(outcome.text.size(), 1'000'000U);
    EXPECT_GE(waits, 10);
    EXPECT_LE(most_ahead, 64U * 1024U + 32U * 1024U);
}

} // namespace
} // namespace mr::test
