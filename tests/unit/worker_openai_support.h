// A scripted server of a language model, Chat Completions, questions for the responder, and what
// comes of them.
#pragma once

#include "tests/unit/worker_http_server.h"
#include "worker/pipeline/prompts/prompts.h"
#include "worker/providers/models.h"
#include "worker/providers/openai/chat_reply.h"
#include "worker/providers/openai/dialects.h"
#include "worker/providers/tasks/conversation.h"
#include "worker/providers/tasks/tasks.h"

namespace mr::test {

using boost::asio::awaitable;
using nlohmann::json;
using std::chrono::milliseconds;

inline const std::string kKey = "sk-test-0123456789";

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

inline std::string event(const json& object) {
    return "data: " + object.dump() + "\n\n";
}
inline std::string delta(const std::string& text) {
    json object;
    object["model"] = "m-1";
    object["choices"][0]["delta"]["content"] = text;
    object["choices"][0]["finish_reason"] = nullptr;
    object["usage"] = nullptr;
    return event(object);
}
inline std::string finish(const std::string& reason) {
    json object;
    object["choices"][0]["delta"] = json::object();
    object["choices"][0]["finish_reason"] = reason;
    return event(object);
}
inline const std::string kUsage =
    R"(data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,)"
    R"("prompt_tokens_details":{"cached_tokens":4}}})"
    "\n\n";
inline const std::string kDone = "data: [DONE]\n\n";

inline std::string streamed(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}
inline std::string refused(const std::string& status, const json& error,
                           const std::string& headers = "") {
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

inline ModelSetup setup_at(const std::string& url) {
    ModelSetup setup;
    setup.options.base_url = url;
    return setup;
}
inline ModelSetup setup_for(const Scripted& scripted) {
    ModelSetup setup = setup_at(scripted.server.url("/v1/"));
    setup.api_key = kKey;
    setup.options.model = "model-a";
    return setup;
}
inline std::unique_ptr<Responder> responder_of(const ModelSetup& setup) {
    return tasks::make_responder(make_model(std::make_shared<net::HttpClient>(), setup));
}

inline awaitable<void> respond(Responder& responder, const Asked& asked, Outcome& outcome) {
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

inline Outcome run(Loop& loop, Responder& responder, const Asked& asked,
                   milliseconds limit = std::chrono::seconds(20)) {
    Outcome outcome;
    outcome.call.deadline = std::chrono::steady_clock::now() + limit;
    outcome.call.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    loop.run(respond(responder, asked, outcome));
    return outcome;
}

inline Outcome answer_to(std::vector<std::string> replies, const Asked& asked = Asked(),
                         milliseconds limit = std::chrono::seconds(20)) {
    Loop loop;
    Scripted scripted(loop, std::move(replies));
    const auto responder = responder_of(setup_for(scripted));
    return run(loop, *responder, asked, limit);
}

} // namespace mr::test
