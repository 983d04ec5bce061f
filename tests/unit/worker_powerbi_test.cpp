// Power BI against a scripted server: what is asked, how replies are read, that a project filter is
// kept or the query fails, and the query's writer.
#include "tests/unit/worker_openai_support.h"
#include "tests/unit/worker_scope.h"
#include "worker/providers/entra/token.h"
#include "worker/providers/powerbi/powerbi.h"
#include "worker/providers/tasks/tasks.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

namespace mr::test {
namespace {

using powerbi::Options;

std::shared_ptr<const powerbi::Schema> model() {
    return std::make_shared<const powerbi::Schema>(powerbi::parse_schema(R"({"tables": [
        {"name": "Projects", "columns": [{"name": "Code"}, {"name": "Number", "kind": "number"}]},
        {"name": "Invoices", "columns": [{"name": "Month", "kind": "month"}, {"name": "Code"}],
         "measures": [{"name": "Invoiced", "kind": "money"}]},
        {"name": "Vendors", "common": true, "columns": [{"name": "Trade"}]}]})"));
}

SqlQuery query_of(const std::string& dax, std::vector<std::string> columns = {}) {
    SqlQuery query;
    query.sql = dax;
    query.meaning["columns"] = json::array();
    for (const std::string& name : columns) {
        query.meaning["columns"].push_back({{"name", name}, {"kind", "money"}});
    }
    return query;
}

const std::string kDax = "EVALUATE SUMMARIZECOLUMNS('Projects'[Code], \"@Total\", [Invoiced])";

json rows_reply(const json& rows) {
    json reply;
    reply["results"][0]["tables"][0]["rows"] = rows;
    return reply;
}
std::string found(const json& rows) {
    return http_answer(rows_reply(rows).dump());
}
const json kRow = {{"Projects[Code]", "HP-1"}, {"[@Total]", 12.5}};

struct Model {
    explicit Model(std::vector<std::string> answers) : scripted(loop, std::move(answers)) {
        options.endpoint.base_url = scripted.server.url("");
        options.workspace = "w-1";
        options.dataset = "d-1";
        options.schema = model();
        options.project_column = powerbi::parse_column("Projects[Code]");
        options.queries_per_second = 1000;
        options.retry_base = milliseconds(1);
    }

    SqlTable ask(const SqlQuery& query, const ProjectScope& scope) {
        const auto engine = powerbi::make_engine(
            std::make_shared<net::HttpClient>(),
            make_key_credential("Authorization: Bearer ", "token-4711"), options);
        SqlTable table;
        CallContext call;
        call.deadline = std::chrono::steady_clock::now() + limit;
        loop.run(run(*engine, query, scope, call, table));
        return table;
    }
    ProviderFault fault(const SqlQuery& query, const ProjectScope& scope) {
        testing::internal::CaptureStderr();
        ProviderFault fault{};
        try {
            ask(query, scope);
            ADD_FAILURE() << "no ProviderError";
        } catch (const ProviderError& error) {
            fault = error.fault();
            says = error.what();
        }
        log = testing::internal::GetCapturedStderr();
        EXPECT_EQ((says + log).find("token-4711"), std::string::npos);
        return fault;
    }
    json body(std::size_t at) const {
        const std::string& request = scripted.requests.at(at);
        return json::parse(request.substr(request.find("\r\n\r\n") + 4));
    }

    static awaitable<void> run(SqlEngine& engine, const SqlQuery& query, const ProjectScope& scope,
                               CallContext& call, SqlTable& table) {
        table = co_await engine.run(query, scope, call);
    }

    Loop loop;
    Scripted scripted;
    Options options;
    milliseconds limit{20'000};
    std::string says;
    std::string log;
};

TEST(PowerBi, AQueryIsCappedAndConfinedToTheProjects) {
    Model model({found(json::array({kRow}))});
    const SqlTable table = model.ask(query_of(kDax, {"Code", "Total"}), harbor_point("HP-1"));
    const std::string& request = model.scripted.requests.at(0);
    EXPECT_TRUE(request.starts_with(
        "POST /v1.0/myorg/groups/w-1/datasets/d-1/executeQueries HTTP/1.1\r\n"));
    EXPECT_NE(request.find("Authorization: Bearer token-4711\r\n"), std::string::npos);
    EXPECT_NE(request.find("Content-Type: application/json\r\n"), std::string::npos);
    const json wanted = {
        {"queries", json::array({{{"query", "EVALUATE CALCULATETABLE(TOPN(501,  SUMMARIZECOLUMNS("
                                            "'Projects'[Code], \"@Total\", [Invoiced])), "
                                            "TREATAS({\"HP-1\"}, 'Projects'[Code]))"}}})},
        {"serializerSettings", {{"includeNulls", true}}}};
    EXPECT_EQ(model.body(0), wanted);
    ASSERT_EQ(table.columns.size(), 2U);
    EXPECT_EQ(table.columns[0].name, "Code");
    EXPECT_EQ(table.columns[1].name, "Total") << "without the @ of the query's own names";
    EXPECT_EQ(table.columns[1].kind, "money");
    EXPECT_EQ(table.rows, (std::vector<std::vector<json>>{{"HP-1", 12.5}}));
    EXPECT_FALSE(table.truncated);
}

TEST(PowerBi, WithoutAScopeAndWorkspaceNothingIsFiltered) {
    Model model({found(json::array({kRow}))});
    model.options.workspace.clear();
    model.options.api_path = "/v2/ours";
    model.ask(query_of("EVALUATE 'Vendors'"), ProjectScope());
    EXPECT_TRUE(model.scripted.requests.at(0).starts_with(
        "POST /v2/ours/datasets/d-1/executeQueries HTTP/1.1\r\n"));
    EXPECT_EQ(model.body(0)["queries"][0]["query"], "EVALUATE TOPN(501,  'Vendors')");
}

TEST(PowerBi, AFilterThatCannotBeAppliedIsAnErrorAndNothingIsSent) {
    Model model({found(json::array({kRow}))});
    EXPECT_EQ(model.fault(query_of("EVALUATE 'Vendors'"), harbor_point("HP-1")),
              ProviderFault::filter);
    EXPECT_EQ(model.fault(query_of(kDax), harbor_point("")), ProviderFault::filter);
    EXPECT_EQ(model.fault(query_of(kDax), harbor_point("a\nb")), ProviderFault::filter);
    ProjectScope many;
    many.projects.resize(powerbi::kMaxScopeProjects + 1, harbor_point("x").projects[0]);
    EXPECT_EQ(model.fault(query_of(kDax), many), ProviderFault::filter);
    ProjectScope unknown;
    unknown.unknown.push_back({"Nowhere", {}});
    EXPECT_EQ(model.fault(query_of(kDax), unknown), ProviderFault::filter);
    model.options.project_column = powerbi::parse_column("Projects[Number]");
    EXPECT_EQ(model.fault(query_of(kDax), harbor_point("HP-1")), ProviderFault::filter)
        << "no number";
    model.options.project_column = {};
    EXPECT_EQ(model.fault(query_of(kDax), harbor_point("HP-1")), ProviderFault::filter);
    EXPECT_NE(model.says.find("says whose project"), std::string::npos);
    const std::string widened = "EVALUATE CALCULATETABLE('Invoices', REMOVEFILTERS())";
    EXPECT_EQ(model.fault(query_of(widened), ProjectScope()), ProviderFault::bad_request);
    EXPECT_TRUE(model.scripted.requests.empty());
}

TEST(PowerBi, NumbersAreNamedAsNumbers) {
    Model model({found(json::array())});
    model.options.project_column = powerbi::parse_column("Projects[Number]");
    model.options.project_value = "id";
    EXPECT_TRUE(model.ask(query_of(kDax), harbor_point("HP-1")).rows.empty());
    const std::string dax = model.body(0)["queries"][0]["query"];
    EXPECT_NE(dax.find("TREATAS({7}, 'Projects'[Number])"), std::string::npos) << dax;
}

TEST(PowerBi, ARowOfAnotherProjectIsAnErrorNotAnAnswer) {
    for (const json& code : {json("XY-2"), json(), json(7)}) {
        Model model({found({kRow, {{"Projects[Code]", code}, {"[@Total]", 1}}})});
        EXPECT_EQ(model.fault(query_of(kDax), harbor_point("HP-1")), ProviderFault::filter);
    }
    Model same({found({{{"Projects[Code]", "hp-1"}}})});
    EXPECT_EQ(same.ask(query_of(kDax), harbor_point("HP-1")).rows.size(), 1U)
        << "DAX knows no case";
}

TEST(PowerBi, WhatIsNotDescribedIsLeftOut) {
    Model model({found({{{"Invoices[Month]", "2026-03-01T00:00:00"},
                         {"Invoices[Secret]", "x"},
                         {"Salaries[Amount]", 1},
                         {"[Open]", true},
                         {"Projects[Code]", nullptr},
                         {"Invoices[Code]", "HP-1"},
                         {"odd", 1}}})});
    const SqlTable table = model.ask(query_of(kDax, {"Month", "Open"}), ProjectScope());
    std::vector<std::string> names;
    for (const SqlColumn& column : table.columns) {
        names.push_back(column.name);
    }
    EXPECT_EQ(names,
              (std::vector<std::string>{"Month", "Open", "Invoices[Code]", "Projects[Code]"}));
    EXPECT_EQ(table.columns[0].kind, "month");
    EXPECT_EQ(table.rows.at(0), (std::vector<json>{"2026-03-01", "true", "HP-1", nullptr}));
    Model nothing({found({{{"Salaries[Amount]", 1}}})});
    EXPECT_EQ(nothing.fault(query_of(kDax), ProjectScope()), ProviderFault::bad_reply);
}

TEST(PowerBi, CutResultsSaySo) {
    json rows = json::array();
    for (int i = 0; i < 4; ++i) {
        rows.push_back({{"[@n]", i}});
    }
    Model capped({found(rows)});
    capped.options.max_rows = 3;
    const SqlTable table = capped.ask(query_of(kDax), ProjectScope());
    EXPECT_EQ(table.rows.size(), 3U);
    EXPECT_TRUE(table.truncated);
    EXPECT_NE(capped.body(0)["queries"][0]["query"].get<std::string>().find("TOPN(4, "),
              std::string::npos);
    for (const bool inside : {false, true}) { // 200, rows, and an error
        json reply = rows_reply(rows);
        (inside ? reply["results"][0] : reply)["error"] = {{"code", "DatasetExecuteQueriesLimit"}};
        Model cut({http_answer(reply.dump())});
        EXPECT_TRUE(cut.ask(query_of(kDax), ProjectScope()).truncated);
    }
    Model long_texts(
        {found(json::array({{{"[@n]", std::string(600'000, 'x')}}, {{"[@n]", "y"}}}))});
    const SqlTable texts = long_texts.ask(query_of(kDax), ProjectScope());
    EXPECT_EQ(texts.rows.size(), 1U);
    EXPECT_TRUE(texts.truncated);
}

struct Fault {
    const char* name;
    std::string reply;
    ProviderFault fault;
    std::string says;
    std::string logged;
    std::size_t tries;
};

std::string pbi_error(const std::string& words, const std::string& status) {
    json body;
    body["error"]["code"] = "DatasetExecuteQueriesError";
    body["error"]["pbi.error"]["code"] = "DatasetExecuteQueriesError";
    body["error"]["pbi.error"]["details"] =
        json::array({{{"code", "DetailsMessage"}, {"detail", {{"type", 1}, {"value", words}}}}});
    return http_answer(body.dump(), status, "RequestId: r-1\r\n");
}

TEST(PowerBi, RefusalsHaveTheirFaults) {
    const std::string one = R"({"error":{"code":"PowerBIEntityNotFound"}})";
    const std::string limit = http_answer("{}", "429 Too Many", "Retry-After: 0.001\r\n");
    const std::string error = R"({"results":[],"error":{"code":"X-1"}})";
    const Fault cases[] = {
        {"DAX", pbi_error("Query (1, 3) is wrong", "400 Bad"), ProviderFault::bad_request,
         "did not accept", "status 400, DatasetExecuteQueriesError, request r-1", 1},
        {"filter", pbi_error("Column 'Code' cannot be found", "400 Bad"), ProviderFault::filter,
         "filter cannot be applied", "DatasetExecuteQueriesError", 1},
        {"no body", http_answer("", "401 No"), ProviderFault::bad_request, "refused us access",
         "status 401", 1},
        {"rights", http_answer("{}", "403 No"), ProviderFault::bad_request, "refused us access",
         "status 403", 1},
        {"dataset", http_answer(one, "404 Not Found"), ProviderFault::bad_request,
         "does not know the dataset", "PowerBIEntityNotFound", 1},
        {"limit", limit, ProviderFault::rate_limited, "too often", "status 429", 3},
        {"long limit", http_answer("{}", "429 Too Many", "Retry-After: 900\r\n"),
         ProviderFault::rate_limited, "too often", "status 429", 1},
        {"down", http_answer("<html>", "503 Down"), ProviderFault::unavailable, "not available",
         "status 503", 3},
        {"HTML", http_answer("<html>"), ProviderFault::bad_reply, "cannot be read", "no JSON", 3},
        {"no table", http_answer(R"({"results":[]})"), ProviderFault::bad_reply, "cannot be read",
         "", 1},
        {"formless", http_answer(R"({"results":{"tables":7}})"), ProviderFault::bad_reply,
         "cannot be read", "", 1},
        {"200 and an error", http_answer(error), ProviderFault::bad_request, "could not run", "X-1",
         1},
    };
    for (const Fault& wanted : cases) {
        SCOPED_TRACE(wanted.name);
        Model model({wanted.reply});
        EXPECT_EQ(model.fault(query_of(kDax), harbor_point("HP-1")), wanted.fault);
        EXPECT_NE(model.says.find(wanted.says), std::string::npos) << model.says;
        EXPECT_NE(model.log.find(wanted.logged), std::string::npos) << model.log;
        EXPECT_EQ(model.log.find("Query (1, 3)"), std::string::npos) << "queries are not logged";
        EXPECT_EQ(model.scripted.requests.size(), wanted.tries);
    }
}

TEST(PowerBi, BrokenConnectionsAreTriedAgainAndSilenceEnds) {
    const std::string whole = found(json::array({kRow}));
    Model cut({whole.substr(0, whole.size() - 5) + "…", whole});
    EXPECT_EQ(cut.ask(query_of(kDax), harbor_point("HP-1")).rows.size(), 1U);
    EXPECT_EQ(cut.scripted.requests.size(), 2U);
    Model silent({""});
    silent.limit = milliseconds(200);
    EXPECT_EQ(silent.fault(query_of(kDax), harbor_point("HP-1")), ProviderFault::timeout);
    EXPECT_NE(silent.says.find("did not answer in time"), std::string::npos);
    EXPECT_EQ(silent.scripted.requests.size(), 1U) << "there is no time for another try";
}

TEST(PowerBi, AStoppedQueryClosesItsConnection) {
    Model model({""}); // hangs
    const auto engine = powerbi::make_engine(
        std::make_shared<net::HttpClient>(),
        make_key_credential("Authorization: Bearer ", "token-4711"), model.options);
    const SqlQuery query = query_of(kDax);
    const ProjectScope scope = harbor_point("HP-1");
    CallContext call;
    call.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    SqlTable table;
    bool aborted = false;
    boost::asio::cancellation_signal stop;
    const auto both = [&]() -> awaitable<void> {
        boost::asio::co_spawn(
            model.loop.context, Model::run(*engine, query, scope, call, table),
            boost::asio::bind_cancellation_slot(
                stop.slot(), [&](const std::exception_ptr& error) { aborted = error != nullptr; }));
        const std::function<bool()> asked = [&] { return !model.scripted.requests.empty(); };
        co_await until(asked);
        stop.emit(boost::asio::cancellation_type::terminal);
        const std::function<bool()> closed = [&] {
            return aborted && model.scripted.server.open() == 0;
        };
        co_await until(closed);
    };
    model.loop.run(both());
    EXPECT_TRUE(aborted);
}

class SayingModel final : public ChatModel {
  public:
    explicit SayingModel(std::string reply) : reply_(std::move(reply)) {}

    Task<void> generate(const ModelRequest& request, ModelSink& sink, CallContext&) override {
        asked.push_back(request.system);
        for (const ModelMessage& message : request.messages) {
            asked.back() += message.text;
        }
        sink.begin();
        sink.text(reply_);
        sink.end();
        co_return;
    }

    std::vector<std::string> asked;

  private:
    std::string reply_;
};

std::string reply_of(const std::string& dax) {
    json object;
    object["dax"] = dax;
    object["title"] = "Invoiced\nby project";
    object["columns"] = json::array({{{"name", "@Total"}, {"kind", "money"}}});
    return object.dump();
}

// The query, or the error's text; `asked` gets what the language model was asked.
std::string written(const std::string& reply, std::optional<RefusedQuery> refused,
                    std::vector<std::string>& asked, SqlQuery& query) {
    Loop loop;
    const auto saying = std::make_shared<SayingModel>(reply);
    const auto writer = tasks::make_sql_writer(saying);
    const ProjectScope scope = harbor_point("HP-1");
    const Question question{"What is invoiced?", {}, nullptr};
    const SqlRequest request{question,     scope,           "invoiced by project",
                             "THE SCHEMA", SqlDialect::dax, std::move(refused)};
    CallContext call;
    call.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    std::string says;
    const auto work = [&]() -> awaitable<void> {
        try {
            query = co_await writer->write(request, call);
        } catch (const ProviderError& error) {
            says = error.what();
        }
    };
    loop.run(work());
    asked = saying->asked;
    return says.empty() ? query.sql : says;
}

TEST(PowerBi, TheWriterIsToldOfTheLanguageAndOfARefusal) {
    std::vector<std::string> asked;
    SqlQuery query;
    EXPECT_EQ(written(reply_of(kDax), {}, asked, query), kDax);
    EXPECT_EQ(query.title, "Invoiced by project");
    EXPECT_EQ(query.meaning["columns"][0]["name"], "Total");
    ASSERT_EQ(asked.size(), 1U);
    for (const char* part :
         {"DAX", "THE SCHEMA", "invoiced by project", "HP-1", "What is invoiced?"}) {
        EXPECT_NE(asked[0].find(part), std::string::npos) << part;
    }
    const RefusedQuery refused{"EVALUATE 'Secrets'", "Secrets is no described table"};
    EXPECT_EQ(written(reply_of(kDax), refused, asked, query), kDax);
    EXPECT_NE(asked[0].find(R"({"dax":"EVALUATE 'Secrets'"})"), std::string::npos);
    EXPECT_NE(asked[0].find(refused.reason), std::string::npos);
    EXPECT_EQ(written(reply_of(""), {}, asked, query), "the semantic model cannot answer this");
}

} // namespace
} // namespace mr::test
