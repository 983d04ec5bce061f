// claude_sql, shown as `bigquery`: a query is written from the described schema, then validated,
// confined to the projects in scope and run.
#include "worker/tools/tool.h"

#include <utility>

namespace mr {
namespace {

nlohmann::json clipped_cell(const nlohmann::json& cell) {
    if (!cell.is_string()) {
        return cell;
    }
    return clipped(cell.get_ref<const std::string&>(), kMaxPreviewTextBytes);
}

class SqlTool final : public Tool {
  public:
    std::string_view routed_name() const noexcept override { return kToolSql; }
    std::string_view wire_name() const noexcept override { return "bigquery"; }
    std::string_view message() const noexcept override { return "Querying analytics..."; }
    std::chrono::milliseconds timeout(const PipelineLimits& limits) const noexcept override {
        return limits.sql_timeout;
    }

    Task<void> run(const ToolRun& run, ToolFinding& finding, CallContext& call) const override {
        const SqlRequest request{run.question, run.scope, finding.input,
                                 run.services.sql_engine->schema()};
        finding.query = co_await run.services.sql_writer->write(request, call);
        finding.table = co_await run.services.sql_engine->run(finding.query, run.scope, call);
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
            preview["columns"] = nlohmann::ordered_json::array();
            for (const SqlColumn& column : table.columns) {
                preview["columns"].push_back(column.name);
            }
            preview["rows"] = nlohmann::ordered_json::array();
            for (std::size_t i = 0; i < table.rows.size() && i < kMaxPreviewRows; ++i) {
                auto row = nlohmann::ordered_json::array();
                for (const nlohmann::json& cell : table.rows[i]) {
                    row.push_back(nlohmann::ordered_json(clipped_cell(cell)));
                }
                preview["rows"].push_back(std::move(row));
            }
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
