// claude_sql, shown as `bigquery`: a query is written from the described schema, then validated,
// confined to the projects in scope and run.
#include "worker/log.h"
#include "worker/tools/tool.h"

#include <optional>
#include <utility>

namespace mr {
namespace {

constexpr std::size_t kMaxLogged = 300; // bytes of a reason

class SqlTool final : public Tool {
  public:
    std::string_view routed_name() const noexcept override { return kToolSql; }
    std::string_view wire_name() const noexcept override { return "bigquery"; }
    std::string_view message() const noexcept override { return "Querying analytics..."; }
    std::chrono::milliseconds timeout(const PipelineLimits& limits) const noexcept override {
        return limits.sql_timeout;
    }

    // A query that the engine refuses is written anew once, within the same time limit.
    Task<void> run(const ToolRun& run, ToolFinding& finding, CallContext& call) const override {
        SqlEngine& engine = *run.services.sql_engine;
        const std::string schema = co_await engine.schema(call);
        SqlRequest request{run.question, run.scope, finding.input, schema, engine.dialect(), {}};
        finding.query = co_await run.services.sql_writer->write(request, call);
        std::optional<QueryRefused> refused;
        try {
            finding.table = co_await engine.run(finding.query, run.scope, call);
        } catch (const QueryRefused& error) {
            refused = error;
        }
        if (!refused) {
            co_return;
        }
        log::info("a query is written anew", {{"cause", clipped(refused->reason(), kMaxLogged)}});
        const int before = std::exchange(call.attempts, 1);
        request.refused = RefusedQuery{finding.query.sql, refused->reason()};
        SqlQuery again = co_await run.services.sql_writer->write(request, call);
        if (again.sql == finding.query.sql) { // it would be refused again
            throw QueryRefused(*refused);
        }
        finding.query = std::move(again);
        finding.table = co_await engine.run(finding.query, run.scope, call);
        call.attempts += before;
    }

    std::string summary(const ToolFinding& finding) const override {
        return "Returned " + std::to_string(finding.table.rows.size()) + " row(s)";
    }

    void describe(const ToolFinding& finding, nlohmann::ordered_json& added) const override {
        const SqlTable& table = finding.table;
        nlohmann::ordered_json preview;
        if (!finding.query.sql.empty()) {
            preview["sql"] = finding.query.sql;
        }
        if (finding.ok()) {
            added["rows"] = table.rows.size();
            added["truncated"] = table.truncated;
            add_preview(table, preview);
        }
        if (!preview.empty()) {
            added["preview"] = std::move(preview);
        }
    }
};

} // namespace

const Tool& sql_tool() noexcept {
    static const SqlTool tool;
    return tool;
}

} // namespace mr
