// The five phases under bad conditions: slow and failing tools and phases.
#include "tests/unit/worker_pipeline_fakes.h"
#include "worker/pipeline/phases.h"

#include <gtest/gtest.h>

namespace mr::test {
namespace {

TEST(PipelineTools, AHangingToolCostsItsTimeoutAndNothingElse) {
    auto services = demo_services();
    services->router = std::make_unique<FixedRouter>(std::vector<ToolCall>{kDocuments, kSql, kCrm});
    services->documents = std::make_unique<SlowDocuments>(kHang);
    services->limits.documents_timeout = milliseconds(500);
    RecordingHost host;
    const Ran ran = run(ask(kQuestion), *services, host);
    ASSERT_EQ(ran.error, nullptr);
    EXPECT_EQ(wire_violations(host), std::vector<std::string>{});
    const Recorded documents = completed(host, "vertex_search");
    EXPECT_EQ(documents.added["status"], "timeout");
    EXPECT_EQ(documents.added["error"]["code"], "timeout");
    EXPECT_EQ(documents.v1["summary"], "Error: it took too long");
    EXPECT_EQ(completed(host, "bigquery").added["status"], "ok");
    EXPECT_EQ(completed(host, "hubspot").added["status"], "ok");
    // The others did not wait for it: theirs were completed first.
    EXPECT_EQ(host.of_type("tool_complete").back().v1["tool"], "vertex_search");
    EXPECT_NE(host.answer.find("45,368,414"), std::string::npos);
    EXPECT_NE(host.answer.find("I could not use the document search"), std::string::npos);
    EXPECT_EQ(ran.result.status, TurnStatus::ok);
}

TEST(PipelineTools, RunSideBySide) {
    auto services = demo_services();
    services->router =
        std::make_unique<FixedRouter>(std::vector<ToolCall>{kDocuments, kDocuments, kDocuments});
    services->documents = std::make_unique<SlowDocuments>(milliseconds(30));
    RecordingHost host;
    ASSERT_EQ(run(ask(kQuestion), *services, host).error, nullptr);
    // All three have started before the first ends, under names that differ.
    std::vector<std::string> order;
    for (const Recorded& event : host.events) {
        if (event.v1["type"] == "tool_start" || event.v1["type"] == "tool_complete") {
            order.push_back(event.v1["type"].get<std::string>() + " " +
                            event.v1["tool"].get<std::string>());
        }
    }
    ASSERT_EQ(order.size(), 6U);
    EXPECT_EQ(order[0], "tool_start vertex_search");
    EXPECT_EQ(order[1], "tool_start vertex_search#2");
    EXPECT_EQ(order[2], "tool_start vertex_search#3");
    EXPECT_EQ(wire_violations(host), std::vector<std::string>{});
}

TEST(PipelineTools, AFailingToolIsReportedAndTheTurnGoesOn) {
    struct Case {
        std::function<void()> fail;
        std::string code;
        std::string summary;
        bool retryable;
    };
    const std::vector<Case> cases = {
        {[] { throw ProviderError(ProviderFault::unavailable, "the CRM is down"); }, "unavailable",
         "Error: the CRM is down", true},
        {[] { throw ProviderError(ProviderFault::rate_limited, "too many requests"); },
         "rate_limited", "Error: too many requests", true},
        {[] { throw ProviderError(ProviderFault::filter, "no such filter"); },
         "filter_not_applicable", "Error: no such filter", false},
        {[] { throw std::runtime_error("password=hunter2"); }, "internal", "Error: the tool failed",
         false},
    };
    for (const Case& one : cases) {
        auto services = demo_services();
        std::string diagnosed;
        services->diagnose = [&](std::string_view, std::string_view detail) { diagnosed = detail; };
        services->router = std::make_unique<FixedRouter>(std::vector<ToolCall>{kCrm, kSql});
        services->crm = std::make_unique<BrokenCrm>(one.fail);
        RecordingHost host;
        const Ran ran = run(ask(kQuestion), *services, host);
        ASSERT_EQ(ran.error, nullptr);
        const Recorded crm = completed(host, "hubspot");
        EXPECT_EQ(crm.v1["summary"], one.summary);
        EXPECT_EQ(crm.added["status"], "error");
        EXPECT_EQ(crm.added["error"]["code"], one.code);
        EXPECT_EQ(crm.added["error"]["retryable"], one.retryable);
        EXPECT_EQ(host.answer.find("hunter2"), std::string::npos);
        EXPECT_NE(host.answer.find("45,368,414"), std::string::npos);
        EXPECT_EQ(diagnosed, one.code == "internal" ? "password=hunter2" : "");
        EXPECT_EQ(wire_violations(host), std::vector<std::string>{});
    }
}

TEST(PipelineTools, AChartWaitsForItsRowsAndIsSkippedWithoutThem) {
    auto services = demo_services();
    services->router = std::make_unique<FixedRouter>(std::vector<ToolCall>{kChart, kDocuments});
    RecordingHost host;
    ASSERT_EQ(run(ask(kQuestion), *services, host).error, nullptr);
    EXPECT_EQ(completed(host, "powerbi").added["status"], "skipped");
    EXPECT_EQ(completed(host, "powerbi").v1["summary"], "Error: there are no rows to draw");
    EXPECT_TRUE(host.of_type("chart").empty());

    services->router = std::make_unique<FixedRouter>(std::vector<ToolCall>{kChart, kSql});
    RecordingHost drawn;
    ASSERT_EQ(run(ask("Invoiced per year"), *services, drawn).error, nullptr);
    EXPECT_EQ(completed(drawn, "powerbi").added["status"], "ok");
    const auto charts = drawn.of_type("chart");
    ASSERT_EQ(charts.size(), 1U);
    EXPECT_EQ(charts[0].audience, Audience::v2_only);
    EXPECT_EQ(charts[0].v1["rows"].size(), 6U);
    EXPECT_TRUE(charts[0].v1["spec"].contains("$schema"));
    EXPECT_EQ(wire_violations(drawn), std::vector<std::string>{});
}

TEST(PipelineTools, UnknownAndTooManyCallsAreLeftOut) {
    RoutePlan plan;
    plan.calls = {kChart, {"rm -rf", "x"}, kSql};
    for (int i = 0; i < 20; ++i) {
        plan.calls.push_back(kDocuments);
    }
    const RoutePlan kept = runnable(plan);
    EXPECT_EQ(kept.calls.size(), kMaxToolCalls);
    EXPECT_EQ(kept.calls.front().tool, kToolSql);
}

TEST(PipelineTurn, AFailedPhaseIsATypedError) {
    auto services = demo_services();
    services->limits.project_resolution_timeout = milliseconds(20);
    services->extractor = std::make_unique<SlowExtractor>();
    RecordingHost host;
    const Ran ran = run(ask(kQuestion), *services, host);
    ASSERT_NE(ran.error, nullptr);
    try {
        std::rethrow_exception(ran.error);
    } catch (const TurnError& error) {
        EXPECT_EQ(error.code(), ErrorCode::turn_failed);
        EXPECT_STREQ(error.what(),
                     "The projects in the question could not be identified: it took too long");
    }
    EXPECT_EQ(host.types(), std::vector<std::string>{"phase_start"});
}

TEST(PipelineTurn, AnExhaustedBudgetIsATimeout) {
    auto services = demo_services();
    services->router = std::make_unique<SlowRouter>();
    TurnRequest request = ask(kQuestion);
    request.deadline = std::chrono::steady_clock::now() + milliseconds(50);
    RecordingHost host;
    const Ran ran = run(std::move(request), *services, host);
    try {
        std::rethrow_exception(ran.error);
    } catch (const TurnError& error) {
        EXPECT_EQ(error.code(), ErrorCode::turn_timeout);
    }
}

TEST(PipelineTurn, AMergeThatFailsDegradesTheTurn) {
    auto services = demo_services();
    services->merger = std::make_unique<SlowMerger>();
    services->limits.merge_timeout = milliseconds(20);
    RecordingHost host;
    const Ran ran = run(ask(kQuestion), *services, host);
    ASSERT_EQ(ran.error, nullptr);
    const auto phases = host.of_type("phase_complete");
    EXPECT_EQ(phases.back().v1["data"]["insights_count"], 0);
    EXPECT_EQ(phases.back().added["status"], "degraded");
    EXPECT_EQ(phases.back().added["error"]["code"], "timeout");
    EXPECT_NE(host.answer.find("45,368,414"), std::string::npos);
}

TEST(PipelineTurn, AFailureInTheAnswerIsPartOfTheAnswer) {
    auto services = demo_services();
    const auto fail = [] { throw ProviderError(ProviderFault::unavailable, "the model is gone"); };
    services->responder =
        std::make_unique<ScriptedResponder>(std::vector<std::string>{}, fail, false);
    RecordingHost host;
    Ran ran = run(ask(kQuestion), *services, host);
    ASSERT_EQ(ran.error, nullptr);
    EXPECT_EQ(host.answer, "I encountered an issue: the model is gone");
    EXPECT_EQ(ran.result.status, TurnStatus::error);

    services->responder =
        std::make_unique<ScriptedResponder>(std::vector<std::string>{"One ", "two"}, fail, false);
    RecordingHost cut;
    ran = run(ask(kQuestion), *services, cut);
    EXPECT_EQ(cut.answer, "One two\n\nI encountered an issue: the model is gone");
    EXPECT_EQ(ran.result.status, TurnStatus::partial);
    EXPECT_EQ(ran.result.usage["input_tokens"], 10);
    EXPECT_EQ(cut.of_type("usage").size(), 1U);
    EXPECT_EQ(cut.of_type("usage")[0].v1["model"], "words");
}

TEST(PipelineTurn, AnEmptyAnswerStillSaysSomething) {
    auto services = demo_services();
    services->responder =
        std::make_unique<ScriptedResponder>(std::vector<std::string>{}, nullptr, false);
    RecordingHost host;
    EXPECT_EQ(run(ask(kQuestion), *services, host).result.status, TurnStatus::ok);
    EXPECT_FALSE(host.answer.empty());
}

TEST(PipelineScope, SureAmbiguousAndUnknownNames) {
    const auto candidate = [](std::string id, double score) {
        ProjectCandidate one;
        one.project = {id, "P" + id, ""};
        one.score = score;
        return one;
    };
    const auto scope_of = [](std::vector<ProjectCandidate> candidates) {
        ProjectMatch match;
        match.name = "asked";
        match.candidates = std::move(candidates);
        return decide_scope({match});
    };
    EXPECT_EQ(scope_of({candidate("1", 1.0), candidate("2", 0.9)}).projects.size(), 1U);
    EXPECT_EQ(scope_of({candidate("1", 0.88), candidate("2", 0.88)}).projects.size(), 2U);
    EXPECT_TRUE(scope_of({candidate("1", 0.7)}).unanswerable());
    EXPECT_EQ(scope_of({candidate("1", 0.7), candidate("2", 0.3)}).unknown[0].suggestions,
              std::vector<std::string>{"P1"});
    EXPECT_TRUE(scope_of({}).unanswerable());
    const double tie = 0.9;
    EXPECT_TRUE(scope_of({candidate("1", tie), candidate("2", tie), candidate("3", tie),
                          candidate("4", tie)})
                    .unanswerable());
}

} // namespace
} // namespace mr::test
