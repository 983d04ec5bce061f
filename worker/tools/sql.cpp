// claude_sql, shown as `bigquery`: a query is written from the described schema, then validated,
// confined to the projects in scope and run.
#include "worker/tools/query.h"

#include <utility>

namespace mr {
namespace {

class SqlTool final : public Tool {
  public:
    std::string_view routed_name() const noexcept override { return kToolSql; }
    std::string_view wire_name() const noexcept override { return "bigquery"; }
    std::string_view message() const noexcept override { return "Querying analytics..."; }
    std::chrono::milliseconds timeout(const PipelineLimits& limits) const noexcept override {
        return limits.sql_timeout;
    }

    Task<void> run(const ToolRun& run, ToolFinding& finding, CallContext& call) const override {
        Services& services = run.services;
        co_await query_rows(*services.sql_engine, *services.sql_writer, run, finding, call);
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
