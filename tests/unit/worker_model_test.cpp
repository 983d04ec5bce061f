// The client of language models against a scripted server, API by API: streams, truncation, errors
// in every place, what is left out once refused, and other ways to the server.
#include "tests/unit/worker_openai_support.h"

namespace mr::test {
namespace {

struct Api {
    const char* name;
    ModelApi api;
    std::string hello; // a stream up to "Hello" in two pieces, without its end
    std::string end;
    std::string whole; // the reply "Hello" without a stream
    std::string busy;  // error object that passes, as inside a stream
};

std::string lines(std::initializer_list<const char*> events) {
    std::string out;
    for (const char* one : events) {
        out += "data: " + std::string(one) + "\r\n\r\n";
    }
    return out;
}

const std::vector<Api>& apis() {
    static const std::vector<Api> all = {
        {"chat", ModelApi::openai_chat, delta("Hel") + delta("lo"), finish("stop") + kDone,
         R"({"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]})",
         R"({"error":{"type":"server_error"}})"},
        {"responses", ModelApi::openai_responses,
         lines({R"({"type":"response.created","response":{"model":"m"}})",
                R"({"type":"response.output_item.added","item":{"type":"reasoning"}})",
                R"({"type":"response.output_text.delta","delta":"Hel"})",
                R"({"type":"response.output_text.delta","delta":"lo"})"}),
         lines({R"({"type":"response.completed","response":{"status":"completed"}})"}),
         R"({"status":"completed","output":[{"type":"message","content":[{"text":"Hello"}]}]})",
         R"({"error":{"code":"server_error"}})"},
        {"messages", ModelApi::anthropic,
         lines({R"({"type":"message_start","message":{"usage":{"input_tokens":3}}})",
                R"({"type":"ping"})",
                R"({"type":"content_block_delta","delta":{"type":"text_delta","text":"Hel"}})",
                R"({"type":"content_block_delta","delta":{"type":"text_delta","text":"lo"}})"}),
         lines({R"({"type":"message_delta","delta":{"stop_reason":"end_turn"}})",
                R"({"type":"message_stop"})"}),
         R"({"content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn"})",
         R"({"type":"error","error":{"type":"overloaded_error"}})"},
        {"gemini", ModelApi::gemini,
         lines({R"({"candidates":[{"content":{"parts":[{"text":"Hel"}]}}]})",
                R"({"candidates":[{"content":{"parts":[{"text":"lo"}]}}]})"}),
         lines({R"({"candidates":[{"finishReason":"STOP"}],"usageMetadata":{}})"}),
         R"({"candidates":[{"content":{"parts":[{"text":"Hello"}]},"finishReason":"STOP"}]})",
         R"([{"error":{"code":503,"status":"UNAVAILABLE"}}])"},
    };
    return all;
}

ModelSetup setup_of(const Api& api, const Scripted& scripted) {
    ModelSetup setup = setup_for(scripted);
    setup.api = api.api;
    setup.options.version = "2023-06-01";
    return setup;
}

Outcome answer_by(const Api& api, std::vector<std::string> replies,
                  std::vector<std::string>* requests = nullptr) {
    Loop loop;
    Scripted scripted(loop, std::move(replies));
    const auto responder = responder_of(setup_of(api, scripted));
    const Outcome outcome = run(loop, *responder, Asked());
    if (requests != nullptr) {
        *requests = scripted.requests;
    }
    return outcome;
}

const std::string kJson = "Content-Type: application/json\r\n";
const std::string kSoon = "retry-after-ms: 1\r\n";
const std::string kBegun = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                           "Content-Length: 100000\r\n\r\n";

TEST(Model, EveryApiStreamsAndAnswersWhole) {
    for (const Api& api : apis()) {
        SCOPED_TRACE(api.name);
        for (const std::string& reply :
             {streamed(api.hello + api.end), http_answer(api.whole, "200 OK", kJson)}) {
            const Outcome outcome = answer_by(api, {reply});
            EXPECT_FALSE(outcome.error);
            EXPECT_EQ(outcome.text, "Hello");
            EXPECT_EQ(outcome.call.attempts, 1);
        }
        // One blank line is missing, or the connection: everything has been said.
        std::string short_of_one = api.hello + api.end;
        short_of_one.resize(short_of_one.find_last_not_of("\r\n") + 1);
        for (const std::string& reply :
             {streamed(short_of_one), kBegun + api.hello + api.end + "…"}) {
            const Outcome outcome = answer_by(api, {reply});
            EXPECT_FALSE(outcome.error);
            EXPECT_EQ(outcome.text, "Hello");
        }
    }
}

TEST(Model, EveryApiTellsATruncatedStream) {
    for (const Api& api : apis()) {
        SCOPED_TRACE(api.name);
        for (const std::string& reply :
             {streamed(api.hello), streamed(api.hello + "data: {\"ty"), kBegun + api.hello + "…"}) {
            const Outcome outcome = answer_by(api, {reply});
            ASSERT_TRUE(outcome.error);
            EXPECT_NE(std::string(outcome.error->what()).find("broke off"), std::string::npos);
            EXPECT_EQ(outcome.text, "Hello") << "what came stays";
            EXPECT_EQ(outcome.call.attempts, 1) << "and is not said again";
        }
        const Outcome early = answer_by(api, {kBegun + "…", streamed(api.hello + api.end)});
        EXPECT_FALSE(early.error);
        EXPECT_EQ(early.text, "Hello");
        EXPECT_EQ(early.call.attempts, 2);
    }
}

TEST(Model, AnErrorIsFoundWhereverItStands) {
    for (const Api& api : apis()) {
        SCOPED_TRACE(api.name);
        const std::string fine = streamed(api.hello + api.end);
        const std::string events[] = {
            streamed("data: " + api.busy + "\n\n"), // inside the stream
            streamed(api.busy + "\n"),              // behind it, without "data:"
            streamed(": hello\n\n" + api.busy),     //
            http_answer(api.busy, "200 OK", kJson), // instead of it
            http_answer(api.busy, "503 Unavailable", kJson + kSoon),
            http_answer("<html>", "502 Bad Gateway", "Content-Type: text/html\r\n" + kSoon),
        };
        for (const std::string& event : events) {
            const Outcome outcome = answer_by(api, {event, fine});
            EXPECT_FALSE(outcome.error) << event;
            EXPECT_EQ(outcome.text, "Hello") << event;
            EXPECT_EQ(outcome.call.attempts, 2) << event;
        }
        const Outcome late = answer_by(api, {streamed(api.hello + "data: " + api.busy + "\n\n")});
        ASSERT_TRUE(late.error);
        EXPECT_EQ(late.text, "Hello");
        EXPECT_EQ(late.call.attempts, 1);
    }
}

TEST(Model, SendsTheKeyAsTheApiWantsIt) {
    const std::map<std::string, std::string> headers = {
        {"chat", "Authorization: Bearer " + kKey},
        {"responses", "Authorization: Bearer " + kKey},
        {"messages", "x-api-key: " + kKey},
        {"gemini", "x-goog-api-key: " + kKey},
    };
    for (const Api& api : apis()) {
        SCOPED_TRACE(api.name);
        std::vector<std::string> requests;
        answer_by(api, {streamed(api.hello + api.end)}, &requests);
        for (const std::string& line : {headers.at(api.name), std::string("traceparent: 00-4bf9"),
                                        std::string("Accept: text/event-stream")}) {
            EXPECT_NE(requests.at(0).find("\r\n" + line), std::string::npos) << line;
        }
    }
}

// The waits that a provider asks for in the error object.
TEST(Model, WaitsAsLongAsTheErrorSays) {
    const Api& gemini = apis()[3];
    const auto busy = [](const std::string& delay) {
        return http_answer(R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[)"
                           R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":")" +
                               delay + R"("}]}})",
                           "429 Too Many", kJson);
    };
    const Outcome soon = answer_by(gemini, {busy("0.01s"), streamed(gemini.hello + gemini.end)});
    EXPECT_EQ(soon.text, "Hello");
    EXPECT_EQ(soon.call.attempts, 2);
    const Outcome never = answer_by(gemini, {busy("3600s"), streamed(gemini.hello + gemini.end)});
    ASSERT_TRUE(never.error);
    EXPECT_EQ(never.error->fault(), ProviderFault::rate_limited);
    EXPECT_EQ(never.call.attempts, 1);
}

struct Refusal {
    int api;
    std::string body;
    std::string sent; // what the first request has and the next ones have not
};

TEST(Model, LeavesOutWhatIsRefusedAndStaysWithIt) {
    const Refusal cases[] = {
        {0, R"({"error":{"param":"response_format","code":"unsupported_parameter"}})",
         "response_format"},
        {0, R"({"error":{"param":"reasoning_effort"}})", "reasoning_effort"},
        {1, R"({"error":{"param":"text.format"}})", "json_schema"},
        {1, R"({"error":{"param":"reasoning.effort"}})", "effort"},
        {2, R"({"error":{"type":"invalid_request_error","message":"output_config.effort: no"}})",
         "effort"},
        {2, R"({"error":{"message":"output_config.format: Extra inputs are not permitted"}})",
         "json_schema"},
        {3, R"({"error":{"code":400,"status":"INVALID_ARGUMENT",
            "message":"Thinking level is not supported for this model."}})",
         "thinkingLevel"},
        {3, R"({"error":{"message":"Unknown name \"responseSchema\" at 'generation_config'"}})",
         "responseSchema"},
    };
    for (const Refusal& one : cases) {
        SCOPED_TRACE(one.body);
        const Api& api = apis()[static_cast<std::size_t>(one.api)];
        Loop loop;
        Scripted scripted(loop, {http_answer(one.body, "400 Bad", kJson),
                                 http_answer(api.whole, "200 OK", kJson)});
        ModelSetup setup = setup_of(api, scripted);
        setup.options.effort = "low";
        const auto model = make_model(std::make_shared<net::HttpClient>(), setup);
        const auto merger = tasks::make_merger(model);
        const Asked asked;
        for (int turn = 0; turn < 2; ++turn) { // "Hello" is no object: bad_reply both times
            CallContext call;
            call.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
            const MergeRequest request{asked.question, asked.scope, asked.findings};
            const auto ask = [&]() -> awaitable<void> { co_await merger->merge(request, call); };
            EXPECT_THROW(loop.run(ask()), ProviderError);
        }
        ASSERT_EQ(scripted.requests.size(), 3U);
        const std::string key = "\"" + one.sent;
        EXPECT_NE(scripted.requests[0].find(key), std::string::npos);
        EXPECT_EQ(scripted.requests[1].find(key), std::string::npos) << scripted.requests[1];
        EXPECT_EQ(scripted.requests[2].find(key), std::string::npos);
    }
}

TEST(Model, ConnectsToWhereItIsTold) {
    Loop loop;
    const Api& api = apis()[0];
    Scripted scripted(loop, {streamed(api.hello + api.end)});
    ModelSetup setup = setup_of(api, scripted);
    const std::string url = scripted.server.url("");
    setup.options.connect_to = url.substr(url.find("//") + 2);
    setup.options.base_url = "http://model.invalid:8080/v1";
    const auto responder = responder_of(setup);
    EXPECT_EQ(run(loop, *responder, Asked()).text, "Hello");
    EXPECT_NE(scripted.requests.at(0).find("Host: model.invalid:8080"), std::string::npos);
}

} // namespace
} // namespace mr::test
