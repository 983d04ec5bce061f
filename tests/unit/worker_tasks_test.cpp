// The tasks of a turn over a language model that says what the test wants: what it is asked, what
// is made of its replies, and who is asked next when it fails.
#include "tests/unit/worker_loop.h"
#include "worker/metrics/meters.h"
#include "worker/pipeline/prompts/prompts.h"
#include "worker/providers/in_turn.h"
#include "worker/providers/tasks/structured.h"
#include "worker/providers/tasks/tasks.h"

namespace mr::test {
namespace {

using nlohmann::json;

// Says one reply after the other, the last one for ever. An empty one is a failure.
class SayingModel final : public ChatModel {
  public:
    explicit SayingModel(std::vector<std::string> replies) : replies_(std::move(replies)) {}

    Task<void> generate(const ModelRequest& request, ModelSink& sink, CallContext&) override {
        requests.push_back(request);
        schema = request.schema != nullptr ? request.schema->schema : json();
        sink.begin();
        const std::string& reply = replies_[std::min(requests.size(), replies_.size()) - 1];
        for (std::size_t i = 0; i < reply.size(); i += 7) {
            sink.text(std::string_view(reply).substr(i, 7));
        }
        if (reply.empty()) {
            throw ProviderError(ProviderFault::unavailable, "the model is ill");
        }
        sink.end();
        co_return;
    }

    std::vector<ModelRequest> requests;
    json schema;

  private:
    std::vector<std::string> replies_;
};

// Runs a coroutine and gives its result, or its ProviderError.
template <typename T> struct Outcome {
    std::optional<T> value;
    std::optional<ProviderError> error;
};

template <typename T> Task<void> keep(Task<T> work, Outcome<T>& outcome) {
    try {
        outcome.value = co_await std::move(work);
    } catch (const ProviderError& error) {
        outcome.error = error;
    }
}

template <typename T> Outcome<T> outcome_of(Task<T> work) {
    Loop loop;
    Outcome<T> outcome;
    loop.run(keep(std::move(work), outcome));
    return outcome;
}

CallContext call_now() {
    CallContext call;
    call.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    return call;
}

Question question_of(const std::string& text) {
    Question question;
    question.text = text;
    HistoryMessage asked;
    asked.role = "user";
    asked.content = "Tell me about the Cedar Mill job.";
    HistoryMessage answered;
    answered.role = "assistant";
    answered.content = "It is on time.";
    answered.memory = json::parse(R"({"v":1,"projects":[{"id":"7","name":"Cedar Mill Phase 2"}]})");
    question.history = {asked, answered};
    return question;
}

// Every object lists each of its properties as required and no others are allowed.
void expect_strict(const json& schema) {
    if (schema.value("type", "") == "object") {
        EXPECT_EQ(schema.at("additionalProperties"), false);
        EXPECT_EQ(schema.at("required").size(), schema.at("properties").size());
        for (const auto& [name, property] : schema.at("properties").items()) {
            expect_strict(property);
        }
    }
    if (schema.contains("items")) {
        expect_strict(schema["items"]);
    }
}

TEST(Tasks, NamesOfProjects) {
    struct Case {
        const char* name;
        std::string reply;
        std::vector<std::string> names; // empty with `usable` false: the reply is refused
        bool usable = true;
        bool from_history = false;
    };
    const Case cases[] = {
        {"as written", R"({"names":["harbour pont"],"from_history":false})", {"harbour pont"}},
        {"twice",
         R"({"names":["Harbour Pont","Harbour Pont"],"from_history":false})",
         {"Harbour Pont"}},
        {"in a fence", "```json\n{\"names\":[],\"from_history\":true}\n```", {}},
        {"from the talk",
         R"({"names":["Cedar Mill"],"from_history":true})",
         {"Cedar Mill"},
         true,
         true},
        {"from the memory",
         R"({"names":["Cedar Mill Phase 2"],"from_history":true})",
         {"Cedar Mill Phase 2"},
         true,
         true},
        {"of its own making", R"({"names":["Sunset Towers"],"from_history":false})", {}, false},
        {"part of a word", R"({"names":["arbour"],"from_history":false})", {}, false},
        {"nothing but signs", R"({"names":["?!"],"from_history":false})", {}, false},
        {"no list", R"({"names":"harbour pont","from_history":false})", {}, false},
        {"no flag", R"({"names":[]})", {}, false},
        {"cut off", R"({"names":["harbour po)", {}, false},
        {"a refusal", "I cannot do that.", {}, false},
        {"an array", R"([{"names":[7]}])", {}, false},
    };
    for (const Case& one : cases) {
        SCOPED_TRACE(one.name);
        const auto model = std::make_shared<SayingModel>(std::vector{one.reply});
        const auto extractor = tasks::make_extractor(model);
        const Question question = question_of("What is open on Harbour Pont?");
        CallContext call = call_now();
        const auto outcome = outcome_of(extractor->extract(question, call));
        ASSERT_EQ(outcome.value.has_value(), one.usable);
        expect_strict(model->schema);
        EXPECT_EQ(model->requests[0].system, prompt("projects.v1"));
        EXPECT_NE(model->requests[0].messages.back().text.find("before: Cedar Mill Phase 2"),
                  std::string::npos);
        if (one.usable) {
            EXPECT_EQ(outcome.value->names, one.names);
            EXPECT_EQ(outcome.value->from_history, one.from_history);
        } else {
            EXPECT_EQ(outcome.error->fault(), ProviderFault::bad_reply);
        }
    }
}

TEST(Tasks, PlansOfTools) {
    struct Case {
        const char* name;
        std::string reply;
        std::vector<std::pair<std::string, std::string>> calls;
        bool usable = true;
    };
    const Case cases[] = {
        {"two tools",
         R"({"calls":[{"tool":"claude_sql","input":"sums"},{"tool":"powerbi","input":"pie"}],
            "reasoning":"Figures."})",
         {{"claude_sql", "sums"}, {"powerbi", "pie"}}},
        {"none", R"({"calls":[],"reasoning":"A greeting."})", {}},
        {"a chart of nothing", R"({"calls":[{"tool":"powerbi","input":""}],"reasoning":""})", {}},
        {"no input",
         R"({"calls":[{"tool":"hubspot","input":""}],"reasoning":""})",
         {{"hubspot", "Who?"}}},
        {"a tool of its own",
         R"({"calls":[{"tool":"shell","input":"ls"}],"reasoning":""})",
         {},
         false},
        {"calls that are none", R"({"calls":["claude_sql"],"reasoning":""})", {}, false},
    };
    for (const Case& one : cases) {
        SCOPED_TRACE(one.name);
        const auto model = std::make_shared<SayingModel>(std::vector{one.reply});
        const auto router = tasks::make_router(model);
        const Question question = question_of("Who?");
        ProjectScope scope;
        scope.projects.push_back({"7", "Cedar Mill", "CM-1"});
        CallContext call = call_now();
        const auto outcome = outcome_of(router->route(question, scope, call));
        ASSERT_EQ(outcome.value.has_value(), one.usable);
        expect_strict(model->schema);
        EXPECT_NE(model->requests[0].messages.back().text.find("scope: Cedar Mill (CM-1)"),
                  std::string::npos);
        std::vector<std::pair<std::string, std::string>> calls;
        for (const ToolCall& made : one.usable ? outcome.value->calls : std::vector<ToolCall>()) {
            calls.emplace_back(made.tool, made.input);
        }
        EXPECT_EQ(calls, one.calls);
    }
}

std::string query_reply(const std::string& sql) {
    json reply;
    reply["sql"] = sql;
    reply["title"] = "Open\namounts";
    reply["columns"] = json::parse(R"([{"name":"open_amount","kind":"money"}])");
    return reply.dump();
}

TEST(Tasks, QueriesAreWrittenInTheDialectOfTheEngine) {
    struct Case {
        const char* name;
        std::string reply;
        std::string sql; // empty: refused
    };
    const std::string good = "SELECT sum(amount) AS open_amount FROM invoices";
    const Case cases[] = {
        {"with a semicolon", query_reply(good + " ;\n"), good},
        {"whatever it is: the engine decides", query_reply("DELETE FROM x"), "DELETE FROM x"},
        {"gives up", query_reply(""), ""},
        {"no object", "SELECT 1", ""},
    };
    for (const SqlDialect dialect : {SqlDialect::sqlite, SqlDialect::bigquery}) {
        for (const Case& one : cases) {
            SCOPED_TRACE(one.name);
            const auto model = std::make_shared<SayingModel>(std::vector{one.reply});
            const auto writer = tasks::make_sql_writer(model);
            const Question question = question_of("What is open?");
            const ProjectScope scope;
            const SqlRequest request{question,         scope,   "open invoices",
                                     "TABLE invoices", dialect, {}};
            CallContext call = call_now();
            const auto outcome = outcome_of(writer->write(request, call));
            EXPECT_EQ(model->requests.size(), 1U);
            const char* name = dialect == SqlDialect::sqlite ? "sql.v1" : "sql_bigquery.v1";
            EXPECT_EQ(model->requests[0].system, std::string(prompt(name)) + "\nTABLE invoices");
            expect_strict(model->schema);
            ASSERT_EQ(outcome.value.has_value(), !one.sql.empty());
            if (outcome.value) {
                EXPECT_EQ(outcome.value->sql, one.sql);
                EXPECT_EQ(outcome.value->title, "Open amounts");
                EXPECT_EQ(outcome.value->meaning["columns"][0]["kind"], "money");
            }
        }
    }
}

TEST(Tasks, AQueryThatCameBackIsWrittenAnewWithTheReason) {
    struct Case {
        SqlDialect dialect;
        std::string reply;
        bool usable;
    };
    const Case cases[] = {
        {SqlDialect::sqlite, "SELECT 1", true},
        {SqlDialect::sqlite, "PRAGMA table_info(invoices)", false}, // for the next writer
        {SqlDialect::bigquery, "SELECT `a` FROM b", true},
    };
    for (const Case& one : cases) {
        const auto model = std::make_shared<SayingModel>(std::vector{query_reply(one.reply)});
        const auto writer = tasks::make_sql_writer(model);
        const Question question = question_of("What is open?");
        const ProjectScope scope;
        const RefusedQuery refused{"SELECT no_such FROM invoices", "no such column: no_such"};
        const SqlRequest request{question, scope, "open invoices", "", one.dialect, refused};
        CallContext call = call_now();
        const auto outcome = outcome_of(writer->write(request, call));
        EXPECT_EQ(outcome.value.has_value(), one.usable) << one.reply;
        ASSERT_EQ(model->requests.size(), 1U);
        const auto& messages = model->requests[0].messages;
        EXPECT_EQ(messages[messages.size() - 2].speaker, Speaker::assistant);
        EXPECT_NE(messages[messages.size() - 2].text.find("SELECT no_such FROM invoices"),
                  std::string::npos);
        EXPECT_TRUE(messages.back().text.ends_with("no such column: no_such"));
    }
}

TEST(Tasks, MergedFindingsAreBounded) {
    json reply;
    reply["summary"] = std::string(5'000, 's');
    reply["insights"] = std::vector<std::string>(20, std::string(2'000, 'i'));
    const auto model = std::make_shared<SayingModel>(std::vector{reply.dump()});
    const auto merger = tasks::make_merger(model);
    const Question question = question_of("What is open?");
    const ProjectScope scope;
    std::vector<ToolFinding> findings(1);
    findings[0].tool = kToolCrm;
    findings[0].status = "ok";
    findings[0].input = "deals of Cedar Mill";
    const MergeRequest request{question, scope, findings};
    CallContext call = call_now();
    const auto outcome = outcome_of(merger->merge(request, call));
    ASSERT_TRUE(outcome.value);
    EXPECT_EQ(outcome.value->summary.size(), 1'500U);
    EXPECT_EQ(outcome.value->insights.size(), 6U);
    EXPECT_EQ(outcome.value->insights[0].size(), 500U);
    expect_strict(model->schema);
    EXPECT_NE(model->requests[0].messages.back().text.find("deals of Cedar Mill"),
              std::string::npos);
}

// ---- one after the other

Choices<Router> routers(const std::shared_ptr<SayingModel>& first,
                        const std::shared_ptr<SayingModel>& second) {
    Choices<Router> choices;
    choices.push_back({"first", tasks::make_router(first)});
    choices.push_back({"second", tasks::make_router(second)});
    return choices;
}

TEST(Tasks, TheNextOneIsAskedWhenOneFails) {
    metrics::OwnMeters meters;
    const std::string none = R"({"calls":[],"reasoning":"second"})";
    for (const std::string& failing : {std::string(), std::string("no object")}) {
        const auto first = std::make_shared<SayingModel>(std::vector{failing});
        const auto second = std::make_shared<SayingModel>(std::vector{none});
        const auto router = in_turn(routers(first, second));
        const Question question = question_of("Who?");
        const ProjectScope scope;
        CallContext call = call_now();
        const SteadyTime deadline = call.deadline;
        testing::internal::CaptureStderr();
        const auto outcome = outcome_of(router->route(question, scope, call));
        const std::string log = testing::internal::GetCapturedStderr();
        ASSERT_TRUE(outcome.value);
        EXPECT_EQ(outcome.value->reasoning, "second");
        EXPECT_EQ(call.attempts, 2);
        EXPECT_EQ(call.deadline, deadline);
        EXPECT_NE(log.find(R"("task":"router","provider":"first","next":"second")"),
                  std::string::npos)
            << log;
    }
    const auto well = std::make_shared<SayingModel>(std::vector{none});
    const auto idle = std::make_shared<SayingModel>(std::vector{none});
    const auto router = in_turn(routers(well, idle));
    const Question question = question_of("Who?");
    const ProjectScope scope;
    CallContext call = call_now();
    EXPECT_TRUE(outcome_of(router->route(question, scope, call)).value);
    EXPECT_TRUE(idle->requests.empty());
    EXPECT_EQ(meters->failovers.at({"router", "first", "second"}).value(), 2U);
}

TEST(Tasks, TheLastFailureIsTheTasks) {
    const auto first = std::make_shared<SayingModel>(std::vector<std::string>{"no object"});
    const auto second = std::make_shared<SayingModel>(std::vector<std::string>{""});
    const auto router = in_turn(routers(first, second));
    const Question question = question_of("Who?");
    const ProjectScope scope;
    CallContext call = call_now();
    const auto outcome = outcome_of(router->route(question, scope, call));
    ASSERT_TRUE(outcome.error);
    EXPECT_STREQ(outcome.error->what(), "the model is ill");
}

// Fails after `text`.
class FailingResponder final : public Responder {
  public:
    explicit FailingResponder(std::string text) : text_(std::move(text)) {}
    Task<void> respond(const AnswerRequest&, const TextSink& sink, CallContext&) override {
        if (!text_.empty()) {
            sink(text_);
        }
        throw ProviderError(ProviderFault::unavailable, "broke off");
        co_return;
    }

  private:
    std::string text_;
};

Task<bool> whether_done(Task<void> work) {
    co_await std::move(work);
    co_return true;
}

TEST(Tasks, AnAnswerFailsOverBeforeItsFirstWordOnly) {
    for (const std::string& begun : {std::string(), std::string("Well, ")}) {
        const auto second = std::make_shared<SayingModel>(std::vector<std::string>{"All is paid."});
        Choices<Responder> choices;
        choices.push_back({"first", std::make_unique<FailingResponder>(begun)});
        choices.push_back({"second", tasks::make_responder(second)});
        const auto responder = in_turn(std::move(choices));
        const Question question = question_of("What is open?");
        const ProjectScope scope;
        const RoutePlan plan;
        const std::vector<ToolFinding> findings;
        const MergedFindings merged;
        const std::vector<Source> sources;
        const AnswerRequest request{question, scope, plan, findings, merged, sources, ""};
        std::string text;
        const TextSink sink = [&text](std::string_view piece) { text += piece; };
        CallContext call = call_now();
        const auto outcome = outcome_of(whether_done(responder->respond(request, sink, call)));
        EXPECT_EQ(outcome.error.has_value(), !begun.empty());
        EXPECT_EQ(text, begun.empty() ? "All is paid." : "Well, ");
        EXPECT_EQ(second->requests.size(), begun.empty() ? 1U : 0U);
    }
}

} // namespace
} // namespace mr::test
