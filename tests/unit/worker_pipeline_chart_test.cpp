// Where a chart's rows come from: a finished query first, else a semantic model where there is one.
#include "tests/unit/worker_pipeline_fakes.h"

namespace mr::test {
namespace {

class FixedWriter final : public SqlWriter {
  public:
    Task<SqlQuery> write(const SqlRequest& request, CallContext&) override {
        inputs.push_back(request.input);
        SqlQuery query;
        query.sql = "EVALUATE x";
        query.title = "Invoiced by project";
        query.meaning["columns"][0] = {{"name", "total"}, {"kind", "money"}};
        co_return query;
    }
    std::vector<std::string> inputs;
};

class FixedModel final : public SqlEngine {
  public:
    explicit FixedModel(std::vector<std::vector<nlohmann::json>> rows,
                        std::function<void()> fail = nullptr)
        : rows_(std::move(rows)), fail_(std::move(fail)) {}
    SqlDialect dialect() const override { return SqlDialect::dax; }
    Task<std::string> schema(CallContext&) override { co_return "tables"; }
    Task<SqlTable> run(const SqlQuery&, const ProjectScope&, CallContext&) override {
        if (fail_) {
            fail_();
        }
        SqlTable table;
        table.columns = {{"project", ""}, {"total", ""}};
        table.rows = rows_;
        table.truncated = true;
        co_return table;
    }

  private:
    std::vector<std::vector<nlohmann::json>> rows_;
    std::function<void()> fail_;
};

struct Drawn {
    RecordingHost host;
    FixedWriter* writer = nullptr;

    explicit Drawn(std::vector<ToolCall> calls, std::unique_ptr<SqlEngine> model) {
        auto services = demo_services();
        services->router = std::make_unique<FixedRouter>(std::move(calls));
        auto own = std::make_unique<FixedWriter>();
        writer = own.get();
        services->dax_writer = std::move(own);
        services->semantic_model = std::move(model);
        EXPECT_EQ(run(ask(kQuestion), *services, host).error, nullptr);
        inputs = writer->inputs;
        EXPECT_EQ(wire_violations(host), std::vector<std::string>{});
    }
    std::vector<std::string> inputs;
};

std::unique_ptr<SqlEngine> two_rows() {
    return std::make_unique<FixedModel>(
        std::vector<std::vector<nlohmann::json>>{{"Harbor Point", 12}, {"Cedar Mill", 7}});
}

TEST(PipelineChart, WithoutAQueryTheSemanticModelIsAsked) {
    const Drawn drawn({kChart}, two_rows());
    EXPECT_EQ(drawn.inputs, std::vector<std::string>{kQuestion}) << "a call without an input";
    const Recorded done = completed(drawn.host, "powerbi");
    EXPECT_EQ(done.added["status"], "ok");
    EXPECT_EQ(done.added["rows"], 2);
    EXPECT_EQ(done.added["truncated"], true);
    EXPECT_EQ(done.added["preview"]["dax"], "EVALUATE x");
    EXPECT_EQ(done.added["preview"]["columns"], nlohmann::ordered_json({"project", "total"}));
    EXPECT_EQ(done.added["preview"]["rows"][0], nlohmann::ordered_json({"Harbor Point", 12}));
    const auto charts = drawn.host.of_type("chart");
    ASSERT_EQ(charts.size(), 1U);
    EXPECT_EQ(charts[0].v1["title"], "Invoiced by project (first 2)");
    EXPECT_EQ(charts[0].v1["spec"]["mark"]["type"], "bar");
    EXPECT_EQ(charts[0].v1["spec"]["usermeta"]["x"], "project");
    EXPECT_NE(drawn.host.answer.find("Harbor Point"), std::string::npos) << drawn.host.answer;
    EXPECT_NE(drawn.host.answer.find("Cedar Mill"), std::string::npos) << drawn.host.answer;
}

TEST(PipelineChart, ASingleNumberOfTheModelIsShown) {
    const Drawn drawn({{std::string(kToolChart), "what is invoiced"}},
                      std::make_unique<FixedModel>(
                          std::vector<std::vector<nlohmann::json>>{{"Harbor Point", 12}}));
    EXPECT_EQ(drawn.inputs, std::vector<std::string>{"what is invoiced"});
    ASSERT_EQ(drawn.host.of_type("chart").size(), 1U);
    EXPECT_EQ(drawn.host.of_type("chart")[0].v1["spec"]["usermeta"]["type"], "kpi");
}

TEST(PipelineChart, RowsOfAQueryAreDrawnAndTheModelIsLeftAlone) {
    const Drawn drawn({kSql, {std::string(kToolChart), "bars"}}, two_rows());
    EXPECT_TRUE(drawn.inputs.empty());
    const Recorded done = completed(drawn.host, "powerbi");
    EXPECT_EQ(done.added["status"], "ok");
    EXPECT_FALSE(done.added.contains("preview")) << "it stands with the query";
}

TEST(PipelineChart, AFailureIsSaidAndTheTurnGoesOn) {
    const auto fail = [] {
        throw ProviderError(ProviderFault::filter, "the project filter cannot be applied");
    };
    const Drawn drawn({kChart, kDocuments}, std::make_unique<FixedModel>(
                                                std::vector<std::vector<nlohmann::json>>{}, fail));
    const Recorded done = completed(drawn.host, "powerbi");
    EXPECT_EQ(done.added["status"], "error");
    EXPECT_EQ(done.added["error"]["code"], "filter_not_applicable");
    EXPECT_EQ(done.added["preview"]["dax"], "EVALUATE x") << "what was asked";
    EXPECT_EQ(completed(drawn.host, "vertex_search").added["status"], "ok");
    EXPECT_TRUE(drawn.host.of_type("chart").empty());
    const Drawn nothing({kChart},
                        std::make_unique<FixedModel>(std::vector<std::vector<nlohmann::json>>{}));
    EXPECT_EQ(completed(nothing.host, "powerbi").v1["summary"], "Error: there are no rows to draw");
}

} // namespace
} // namespace mr::test
