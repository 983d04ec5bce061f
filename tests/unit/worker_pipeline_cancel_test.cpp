// A turn is cancelled: in every phase, after any event, inside a query.
#include "tests/unit/worker_pipeline_fakes.h"

#include <gtest/gtest.h>

namespace mr::test {
namespace {

// Where a turn hangs, and the event after which it is cancelled: the last before the hang.
struct HangCase {
    std::string name;
    std::function<void(Services&)> hang;
    std::string type;
    std::string what; // phase or tool of that event
};

TEST(PipelineCancel, StopsTheTurnInEveryPhase) {
    const std::vector<HangCase> cases = {
        {"extraction", [](Services& s) { s.extractor = std::make_unique<SlowExtractor>(); },
         "phase_start", "project_resolution"},
        {"routing", [](Services& s) { s.router = std::make_unique<SlowRouter>(); }, "phase_start",
         "routing"},
        {"tools",
         [](Services& s) {
             s.router = std::make_unique<FixedRouter>(std::vector<ToolCall>{kDocuments, kSql});
             s.documents = std::make_unique<SlowDocuments>(kHang);
         },
         "tool_complete", "bigquery"},
        {"merge", [](Services& s) { s.merger = std::make_unique<SlowMerger>(); }, "phase_start",
         "merge"},
        {"answer",
         [](Services& s) {
             s.responder = std::make_unique<ScriptedResponder>(std::vector<std::string>{"Well, "},
                                                               nullptr, true);
         },
         "text_chunk", ""},
    };
    for (const HangCase& one : cases) {
        SCOPED_TRACE(one.name);
        auto services = demo_services();
        one.hang(*services);
        RecordingHost host;
        std::function<void()> cancel;
        host.after_event = [&](std::size_t) {
            const auto& event = host.events.back().v1;
            const std::string what = event.value("phase", event.value("tool", ""));
            if (event["type"] == one.type && what == one.what) {
                cancel();
            }
        };
        const Ran ran = run_cancellable(ask(kQuestion), *services, host, cancel);
        EXPECT_TRUE(ran.cancelled());
        EXPECT_EQ(host.of_type("tool_start").size(), host.of_type("tool_complete").size());
        if (one.name == "tools") {
            EXPECT_EQ(completed(host, "vertex_search").added["status"], "cancelled");
            EXPECT_EQ(completed(host, "bigquery").added["status"], "ok");
        } else {
            EXPECT_EQ(host.events.back().v1["type"], one.type) << "nothing follows";
        }
    }
}

TEST(PipelineCancel, StopsAtAnyEvent) {
    auto services = demo_services();
    RecordingHost whole;
    ASSERT_EQ(run(ask(kQuestion), *services, whole).error, nullptr);
    const std::size_t phases_end = whole.events.size() - whole.of_type("text_chunk").size();
    for (std::size_t at = 1; at < phases_end; ++at) {
        RecordingHost host;
        std::function<void()> cancel;
        host.after_event = [&](std::size_t number) {
            if (number == at) {
                cancel();
            }
        };
        const Ran ran = run_cancellable(ask(kQuestion), *services, host, cancel);
        // The embedded providers may be through before the cancellation is seen; both are right.
        EXPECT_TRUE(ran.cancelled() || ran.error == nullptr) << "cancelled at event " << at;
        EXPECT_EQ(host.of_type("tool_start").size(), host.of_type("tool_complete").size());
    }
}

TEST(PipelineCancel, InterruptsARunningQuery) {
    auto services = demo_services();
    ProjectScope scope;
    class Endless final : public SqlWriter {
        Task<SqlQuery> write(const SqlRequest&, CallContext&) override {
            SqlQuery query;
            query.sql = "SELECT count(*) FROM invoices a, invoices b, invoices c, invoices d "
                        "WHERE a.amount + b.amount > c.amount + d.amount";
            co_return query;
        }
    };
    services->sql_writer = std::make_unique<Endless>();
    services->router = std::make_unique<FixedRouter>(std::vector<ToolCall>{kSql});
    RecordingHost stopped;
    EXPECT_TRUE(run(ask(kQuestion), *services, stopped, milliseconds(60)).cancelled());

    services->limits.sql_timeout = milliseconds(60);
    RecordingHost late;
    EXPECT_EQ(run(ask(kQuestion), *services, late).error, nullptr);
    EXPECT_EQ(completed(late, "bigquery").added["status"], "timeout");
}

} // namespace
} // namespace mr::test
