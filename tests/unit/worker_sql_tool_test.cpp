// The tool that queries: what an engine refuses is written anew once, with the reason, and a user
// never sees that reason.
#include "tests/unit/worker_loop.h"
#include "worker/providers/local/embedded.h"
#include "worker/tools/tool.h"

#include <filesystem>

namespace mr::test {
namespace {

class ListWriter final : public SqlWriter {
  public:
    explicit ListWriter(std::vector<std::string> queries) : queries_(std::move(queries)) {}
    Task<SqlQuery> write(const SqlRequest& request, CallContext&) override {
        refused.push_back(request.refused);
        SqlQuery query;
        query.sql = queries_.at(refused.size() - 1);
        co_return query;
    }

    std::vector<std::optional<RefusedQuery>> refused; // of each writing

  private:
    std::vector<std::string> queries_;
};

// Refuses what begins with "bad", and fails at "broken".
class PickyEngine final : public SqlEngine {
  public:
    SqlDialect dialect() const override { return SqlDialect::bigquery; }
    Task<std::string> schema(CallContext&) override { co_return std::string("TABLE t"); }
    Task<SqlTable> run(const SqlQuery& query, const ProjectScope&, CallContext&) override {
        if (query.sql.starts_with("bad")) {
            throw QueryRefused(ProviderFault::bad_request, "the query is not valid",
                               "secret column x");
        }
        if (query.sql == "broken") {
            throw ProviderError(ProviderFault::unavailable, "the engine is ill");
        }
        co_return SqlTable();
    }
};

struct Outcome {
    ToolFinding finding;
    std::string error; // as the user sees it
    int attempts = 0;
    std::vector<std::optional<RefusedQuery>> refused;
};

Task<void> keep(const Tool& tool, const ToolRun& run, CallContext& call, Outcome& out) {
    try {
        co_await tool.run(run, out.finding, call);
    } catch (const ProviderError& error) {
        out.error = error.what();
    }
}

Outcome outcome_of(Loop& loop, std::unique_ptr<SqlEngine> engine,
                   std::vector<std::string> queries) {
    auto writer = std::make_unique<ListWriter>(std::move(queries));
    const ListWriter& kept = *writer;
    Services services;
    services.sql_writer = std::move(writer);
    services.sql_engine = std::move(engine);
    const Question question;
    const ProjectScope scope;
    const ToolRun run{question, scope, services, nullptr};
    CallContext call;
    call.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    Outcome out;
    loop.run(keep(sql_tool(), run, call, out));
    out.attempts = call.attempts;
    out.refused = kept.refused;
    return out;
}

TEST(SqlTool, ARefusedQueryIsWrittenAnewOnce) {
    Loop loop;
    const Outcome good = outcome_of(loop, std::make_unique<PickyEngine>(), {"fine"});
    EXPECT_EQ(good.attempts, 1);
    EXPECT_FALSE(good.refused.at(0));

    const Outcome again = outcome_of(loop, std::make_unique<PickyEngine>(), {"bad 1", "fine"});
    EXPECT_EQ(again.error, "");
    EXPECT_EQ(again.attempts, 2);
    EXPECT_EQ(again.finding.query.sql, "fine");
    ASSERT_TRUE(again.refused.at(1));
    EXPECT_EQ(again.refused[1]->sql, "bad 1");
    EXPECT_EQ(again.refused[1]->reason, "secret column x");

    const Outcome twice =
        outcome_of(loop, std::make_unique<PickyEngine>(), {"bad 1", "bad 2", "fine"});
    EXPECT_EQ(twice.refused.size(), 2U);
    EXPECT_EQ(twice.error, "the query is not valid");
    EXPECT_EQ(twice.finding.query.sql, "bad 2");

    const Outcome same = outcome_of(loop, std::make_unique<PickyEngine>(), {"bad 1", "bad 1"});
    EXPECT_EQ(same.error, "the query is not valid");
}

TEST(SqlTool, OtherFailuresAreNoReasonToWriteAnew) {
    Loop loop;
    const Outcome ill = outcome_of(loop, std::make_unique<PickyEngine>(), {"broken", "fine"});
    EXPECT_EQ(ill.refused.size(), 1U);
    EXPECT_EQ(ill.error, "the engine is ill");
}

TEST(SqlTool, TheEmbeddedEngineSaysWhatIsWrongToTheWriterAlone) {
    Loop loop; // outlives the backend's threads
    const auto directory =
        std::filesystem::temp_directory_path() / ("mr-sql-tool-" + std::to_string(::getpid()));
    const auto backend = local::open_backend(directory, 1);
    const std::pair<const char*, const char*> cases[] = {
        {"SELECT no_such FROM invoices", "no such column: no_such"},
        {"SELECT 1 FROM no_such", "no such table: no_such"},
        {"DELETE FROM invoices", "only SELECT is allowed"},
    };
    for (const auto& [sql, reason] : cases) {
        const Outcome again = outcome_of(loop, local::make_sql_engine(backend),
                                         {sql, "SELECT count(*) FROM invoices"});
        EXPECT_EQ(again.error, "") << sql;
        EXPECT_EQ(again.finding.table.rows.size(), 1U);
        ASSERT_TRUE(again.refused.at(1)) << sql;
        EXPECT_NE(again.refused[1]->reason.find(reason), std::string::npos)
            << again.refused[1]->reason;
        const Outcome twice = outcome_of(loop, local::make_sql_engine(backend),
                                         {sql, "SELECT other_such FROM invoices"});
        EXPECT_EQ(twice.error, "the query is not valid");
    }
    std::filesystem::remove_all(directory);
}

} // namespace
} // namespace mr::test
