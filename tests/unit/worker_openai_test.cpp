// The OpenAI responder against a scripted server: what it sends, how it reads what comes in
// whatever pieces, what it makes of every failure, and that it never says anything twice.
#include "tests/unit/worker_http_server.h"
#include "worker/pipeline/prompts/prompts.h"
#include "worker/providers/openai/chat_wire.h"
#include "worker/providers/openai/responder.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

namespace mr::test {
namespace {

using boost::asio::awaitable;
using nlohmann::json;
using std::chrono::milliseconds;

const std::string kKey = "sk-test-0123456789";

// Everything an AnswerRequest refers to.
struct Asked {
    Question question;
    ProjectScope scope;
    RoutePlan plan;
    std::vector<ToolFinding> findings;
    MergedFindings merged;
    std::vector<Source> sources;
    std::string delivered;

    Asked() {
        question.text = "What is open on Harbor Point?";
        Project project;
        project.name = "Harbor Point";
        project.code = "HP-1";
        scope.projects.push_back(project);
        ToolFinding finding;
        finding.tool = kToolSql;
        finding.status = "ok";
        SqlColumn column;
        column.name = "open_amount";
        finding.table.columns.push_back(column);
        finding.table.rows.push_back({1100000});
        findings.push_back(finding);
        merged.summary = "One amount was found.";
        Source source;
        source.title = "Invoice register";
        sources.push_back(source);
    }
    AnswerRequest request() const {
        return {question, scope, plan, findings, merged, sources, delivered};
    }
};

std::string event(const json& object) {
    return "data: " + object.dump() + "\n\n";
}
std::string delta(const std::string& text) {
    json object;
    object["model"] = "m-1";
    object["choices"][0]["delta"]["content"] = text;
    object["choices"][0]["finish_reason"] = nullptr;
    object["usage"] = nullptr;
    return event(object);
}
std::string finish(const std::string& reason) {
    json object;
    object["choices"][0]["delta"] = json::object();
    object["choices"][0]["finish_reason"] = reason;
    return event(object);
}
const std::string kUsage =
    R"(data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,)"
    R"("prompt_tokens_details":{"cached_tokens":4}}})"
    "\n\n";
const std::string kDone = "data: [DONE]\n\n";

std::string streamed(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string refused(const std::string& status, const json& error, const std::string& headers = "") {
    json object;
    object["error"] = error;
    return http_answer(object.dump(), status, "Content-Type: application/json\r\n" + headers);
}

// One answer per request, then the last one for ever. Empty: hangs. Ends with "…": cut off there.
struct Scripted {
    Scripted(Loop& loop, std::vector<std::string> replies)
        : answers(std::move(replies)),
          server(loop, [this](HttpPeer& peer) { return serve(peer); }) {}

    awaitable<void> serve(HttpPeer& peer) {
        for (;;) {
            const std::string request = co_await peer.request();
            if (request.empty()) {
                co_return;
            }
            requests.push_back(request);
            std::string answer = answers[std::min(requests.size(), answers.size()) - 1];
            const bool cut = answer.ends_with("…");
            if (cut) {
                answer.resize(answer.size() - std::string_view("…").size());
            }
            co_await peer.send(answer);
            if (cut) {
                co_return;
            }
        }
    }

    std::vector<std::string> answers;
    std::vector<std::string> requests;
    HttpServer server;
};

struct Outcome {
    std::string text;
    std::optional<ProviderError> error;
    CallContext call;
};

openai::Options options_for(const Scripted& scripted) {
    openai::Options options;
    options.api_key = kKey;
    options.base_url = scripted.server.url("/v1/");
    options.model = "model-a";
    return options;
}

awaitable<void> respond(Responder& responder, const Asked& asked, Outcome& outcome) {
    const AnswerRequest request = asked.request();
    const TextSink sink = [&outcome](std::string_view piece) {
        EXPECT_FALSE(piece.empty());
        outcome.text += piece;
    };
    try {
        co_await responder.respond(request, sink, outcome.call);
    } catch (const ProviderError& error) {
        outcome.error = error;
    }
}

Outcome run(Loop& loop, Responder& responder, const Asked& asked,
            milliseconds limit = std::chrono::seconds(20)) {
    Outcome outcome;
    outcome.call.deadline = std::chrono::steady_clock::now() + limit;
    outcome.call.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    loop.run(respond(responder, asked, outcome));
    return outcome;
}

Outcome answer_to(std::vector<std::string> replies, const Asked& asked = Asked(),
                  milliseconds limit = std::chrono::seconds(20)) {
    Loop loop;
    Scripted scripted(loop, std::move(replies));
    const auto http = std::make_shared<net::HttpClient>();
    const auto responder = openai::make_responder(http, options_for(scripted));
    return run(loop, *responder, asked, limit);
}

TEST(OpenAi, SendsWhatTheApiAsksFor) {
    Loop loop;
    Scripted scripted(loop, {streamed(delta("Fine.") + finish("stop") + kDone)});
    const auto http = std::make_shared<net::HttpClient>();
    const auto responder = openai::make_responder(http, options_for(scripted));
    Asked asked;
    for (int i = 0; i < 12; ++i) {
        HistoryMessage message;
        message.role = i % 2 == 0 ? "user" : "assistant";
        message.content = std::to_string(i) + " ";
        for (int k = 0; k < 1500; ++k) {
            message.content += "é";
        }
        asked.question.history.push_back(message);
    }
    EXPECT_EQ(run(loop, *responder, asked).text, "Fine.");
    const std::string& request = scripted.requests.at(0);
    EXPECT_TRUE(request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n")) << request;
    for (const char* header :
         {"Authorization: Bearer sk-test-0123456789\r\n", "Content-Type: application/json\r\n",
          "Accept: text/event-stream\r\n", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-"}) {
        EXPECT_NE(request.find(header), std::string::npos) << header;
    }
    const json body = json::parse(request.substr(request.find("\r\n\r\n") + 4));
    EXPECT_EQ(body["model"], "model-a");
    EXPECT_EQ(body["stream"], true);
    EXPECT_EQ(body["stream_options"], json::parse(R"({"include_usage":true})"));
    EXPECT_EQ(body.size(), 4U) << "nothing optional that a model may refuse";
    const json& messages = body["messages"];
    ASSERT_EQ(messages.size(), 10U);
    EXPECT_EQ(messages[0]["role"], "system");
    EXPECT_EQ(messages[0]["content"], std::string(prompt("answer.v1")));
    EXPECT_EQ(messages[1]["role"], "user");
    EXPECT_TRUE(messages[1]["content"].get<std::string>().starts_with("4 é"));
    EXPECT_EQ(messages[1]["content"].get<std::string>().size(), 2U + 998U * 2U);
    EXPECT_EQ(messages[8]["role"], "assistant");
    const std::string question = messages[9]["content"];
    for (const char* part : {"What is open on Harbor Point?", "Harbor Point (HP-1)", "1100000",
                             "One amount was found.", "[1] Invoice register"}) {
        EXPECT_NE(question.find(part), std::string::npos) << part;
    }
}

TEST(OpenAi, TellsTheModelWhatTheUserLooksAt) {
    Asked asked;
    asked.question.context = json::parse(
        R"({"previous_visualization":{"type":"bar","data":[1,2],"original_question":"q"}})");
    const json body = json::parse(openai::request_body(asked.request(), "m", openai::Features()));
    const std::string system = body["messages"][0]["content"];
    EXPECT_NE(system.find(prompt("answer_visualization.v1")), std::string::npos);
    const std::string question = body["messages"][1]["content"];
    EXPECT_NE(question.find(R"("original_question":"q")"), std::string::npos);
}

TEST(OpenAi, SendsValidUnicodeWhateverTheUserWrote) {
    Asked asked;
    asked.question.text = "what \xFF\xC3( is this \xED\xA0\x80";
    asked.findings[0].table.rows[0][0] = "broken \xF0\x9F";
    const std::string text = openai::request_body(asked.request(), "m", openai::Features());
    EXPECT_FALSE(json::parse(text, nullptr, false).is_discarded());
}

TEST(OpenAi, ReadsAStreamHoweverItComes) {
    const std::string plain =
        ": hello\n\n" + delta("") + delta("Größe ") + delta("\xF0\x9F\x99\x82") +
        "data: {\"choices\":[],\"unknown\":1}\n\ndata: {\"choices\":[{}]}\n\n" +
        "event: other\n\n" + finish("stop") + kUsage + kDone;
    std::string crlf;
    for (const char c : plain) {
        crlf += c == '\n' ? "\r\n" : std::string(1, c);
    }
    for (const std::string& body : {plain, crlf, "\xEF\xBB\xBF" + plain}) {
        for (std::size_t cut = 0; cut <= body.size(); cut += body == plain ? 1 : 13) {
            Loop loop;
            HttpServer server(loop, [&](HttpPeer& peer) -> awaitable<void> {
                co_await peer.request();
                co_await peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                   "Content-Length: " +
                                   std::to_string(body.size()) + "\r\n\r\n" + body.substr(0, cut));
                co_await mr::sleep_for(milliseconds(0));
                co_await peer.send(body.substr(cut));
                co_await peer.closed();
            });
            openai::Options options;
            options.base_url = server.url("/v1");
            const auto responder =
                openai::make_responder(std::make_shared<net::HttpClient>(), options);
            const Outcome outcome = run(loop, *responder, Asked());
            ASSERT_FALSE(outcome.error) << outcome.error->what() << " cut at " << cut;
            ASSERT_EQ(outcome.text, "Größe \xF0\x9F\x99\x82") << "cut at " << cut;
            ASSERT_EQ(outcome.call.usage.size(), 1U);
            EXPECT_EQ(outcome.call.usage[0].input_tokens, 9);
            EXPECT_EQ(outcome.call.usage[0].output_tokens, 2);
            EXPECT_EQ(outcome.call.usage[0].cached_tokens, 4);
            EXPECT_EQ(outcome.call.usage[0].model, "m-1");
        }
    }
}

struct WholeCase {
    const char* name;
    std::string reply;
    std::string text;
};

TEST(OpenAi, TakesEveryFormOfAWholeAnswer) {
    const std::string message =
        R"({"model":"m","choices":[{"message":{"role":"assistant","content":"Yes.","refusal":null},)"
        R"("finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}})";
    const WholeCase cases[] = {
        {"JSON where a stream was asked for",
         http_answer(message, "200 OK", "Content-Type: application/json\r\n"), "Yes."},
        {"no usage, no [DONE], but a reason to end", streamed(delta("Yes.") + finish("stop")),
         "Yes."},
        {"the last event without its blank line", streamed(delta("Yes.") + "data: [DONE]"), "Yes."},
        {"a refusal of the model",
         streamed("data: {\"choices\":[{\"delta\":{\"refusal\":\"I cannot.\"}}]}\n\n" +
                  finish("stop") + kDone),
         "I cannot."},
        {"content in parts",
         streamed("data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"Yes"
                  ".\"}]}}]}\n\n" +
                  finish("stop") + kDone),
         "Yes."},
        {"text behind the end is nobody's", streamed(delta("Yes.") + kDone + delta("No.")), "Yes."},
        {"nothing at all", streamed(finish("stop") + kDone), ""},
    };
    for (const WholeCase& one : cases) {
        SCOPED_TRACE(one.name);
        const Outcome outcome = answer_to({one.reply});
        EXPECT_FALSE(outcome.error);
        EXPECT_EQ(outcome.text, one.text);
        EXPECT_EQ(outcome.call.attempts, 1);
    }
}

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
        {"an endless event", begun + "data: " + std::string(1'100'000, 'x'), Fault::bad_reply,
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
    // A kept connection that ends without a byte is libcurl's business: a new one, the same attempt.
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
    const auto responder =
        openai::make_responder(std::make_shared<net::HttpClient>(), options_for(scripted));
    EXPECT_EQ(run(loop, *responder, Asked()).text, "Fine.");
    EXPECT_EQ(run(loop, *responder, Asked()).text, "Fine.");
    ASSERT_EQ(scripted.requests.size(), 4U);
    EXPECT_NE(scripted.requests[0].find("stream_options"), std::string::npos);
    EXPECT_EQ(scripted.requests[1].find("stream_options"), std::string::npos);
    EXPECT_NE(scripted.requests[1].find("\"stream\":true"), std::string::npos);
    EXPECT_NE(scripted.requests[2].find("\"stream\":false"), std::string::npos);
    EXPECT_NE(scripted.requests[3].find("\"stream\":false"), std::string::npos);
}

TEST(OpenAi, GoesOnBehindWhatWasDelivered) {
    const std::string delivered = "We have invoiced $4.2m on Harbor Point, and of that";
    const std::vector<std::pair<std::string, std::string>> cases = {
        {" $1.1m is open.", " $1.1m is open."},
        {delivered + " $1.1m is open.", " $1.1m is open."},
        {"Harbor Point, and of that $1.1m is open.", " $1.1m is open."},
        {delivered, ""},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.first);
        Loop loop;
        std::string body;
        for (std::size_t i = 0; i < one.first.size(); i += 4) {
            body += delta(one.first.substr(i, 4));
        }
        Scripted scripted(loop, {streamed(body + finish("stop") + kDone)});
        const auto responder =
            openai::make_responder(std::make_shared<net::HttpClient>(), options_for(scripted));
        Asked asked;
        asked.delivered = delivered;
        EXPECT_EQ(run(loop, *responder, asked).text, one.second);
        const std::string& request = scripted.requests.at(0);
        const json messages = json::parse(request.substr(request.find("\r\n\r\n") + 4))["messages"];
        ASSERT_EQ(messages.size(), 4U);
        EXPECT_EQ(messages[2]["role"], "assistant");
        EXPECT_EQ(messages[2]["content"], delivered);
        EXPECT_EQ(messages[3]["content"], std::string(prompt("answer_continue.v1")));
    }
}

// A repetition that breaks off before anything new came: nobody has seen it, so it is tried again.
TEST(OpenAi, TriesAgainWhenOnlyARepetitionCame) {
    Asked asked;
    asked.delivered = "We have invoiced $4.2m on Harbor Point";
    const std::string begun = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                              "Content-Length: 100000\r\n\r\n";
    const Outcome outcome =
        answer_to({begun + delta("We have invoiced $4.2m") + "…",
                   streamed(delta(asked.delivered + ", all of it paid.") + kDone)},
                  asked);
    EXPECT_FALSE(outcome.error);
    EXPECT_EQ(outcome.text, ", all of it paid.");
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
    openai::Options options;
    options.base_url = server.url("/v1");
    const auto responder = openai::make_responder(std::make_shared<net::HttpClient>(), options);
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
    const auto responder =
        openai::make_responder(std::make_shared<net::HttpClient>(), options_for(scripted));
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
