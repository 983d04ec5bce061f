// The OpenAI responder against a scripted server: what it sends, how it reads what comes in
// whatever pieces, and that it never says anything twice.
#include "tests/unit/worker_openai_support.h"

namespace mr::test {
namespace {

std::string chat_body(const Asked& asked) {
    const ModelRequest request = tasks::answer_request(asked.request());
    const json body =
        openai::make_chat_dialect(model::Options())->request(request, model::Features()).body;
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

TEST(OpenAi, SendsWhatTheApiAsksFor) {
    Loop loop;
    Scripted scripted(loop, {streamed(delta("Fine.") + finish("stop") + kDone)});
    const auto responder = responder_of(setup_for(scripted));
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
    const json body = json::parse(chat_body(asked));
    const std::string system = body["messages"][0]["content"];
    EXPECT_NE(system.find(prompt("answer_visualization.v1")), std::string::npos);
    const std::string question = body["messages"][1]["content"];
    EXPECT_NE(question.find(R"("original_question":"q")"), std::string::npos);
}

TEST(OpenAi, SendsValidUnicodeWhateverTheUserWrote) {
    Asked asked;
    asked.question.text = "what \xFF\xC3( is this \xED\xA0\x80";
    asked.findings[0].table.rows[0][0] = "broken \xF0\x9F";
    const std::string text = chat_body(asked);
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
            const auto responder = responder_of(setup_at(server.url("/v1")));
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

TEST(OpenAi, KnowsAStreamInCapitals) {
    const std::string body = delta("Fine.") + finish("stop") + kDone;
    const Outcome outcome = answer_to(
        {http_answer(body, "200 OK", "Content-Type: Text/Event-Stream;charset=UTF-8\r\n")});
    EXPECT_FALSE(outcome.error);
    EXPECT_EQ(outcome.text, "Fine.");
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
        const auto responder = responder_of(setup_for(scripted));
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

} // namespace
} // namespace mr::test
