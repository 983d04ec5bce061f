// powerbi: draws rows. Those of a finished query where there are some; else, where a semantic model
// is set up, those of a query to it.
#include "worker/tools/chart_spec.h"
#include "worker/tools/query.h"

#include <utility>

namespace mr {
namespace {

class ChartTool final : public Tool {
  public:
    std::string_view routed_name() const noexcept override { return kToolChart; }
    std::string_view wire_name() const noexcept override { return "powerbi"; }
    std::string_view message() const noexcept override { return "Preparing visualization..."; }
    std::chrono::milliseconds timeout(const PipelineLimits& limits) const noexcept override {
        return limits.chart_timeout;
    }

    Task<void> run(const ToolRun& run, ToolFinding& finding, CallContext& call) const override {
        const bool rows = run.rows != nullptr && !run.rows->table.rows.empty();
        if (rows) {
            draw(run, run.rows->table, run.rows->query.title, finding);
            co_return;
        }
        if (!run.services.semantic_model) {
            throw ProviderError(ProviderFault::bad_request, "there are no rows to draw");
        }
        Services& services = run.services;
        co_await query_rows(*services.semantic_model, *services.dax_writer, run, finding, call);
        draw(run, finding.table, finding.query.title, finding);
    }

    std::string summary(const ToolFinding&) const override { return "Visualization ready"; }

    void describe(const ToolFinding& finding, nlohmann::ordered_json& added) const override {
        nlohmann::ordered_json preview;
        if (!finding.query.sql.empty()) {
            preview["dax"] = finding.query.sql;
        }
        if (finding.ok()) {
            added["rows"] = finding.chart.rows.size();
        }
        if (finding.ok() && !finding.table.columns.empty()) {
            added["truncated"] = finding.table.truncated;
            add_preview(finding.table, preview);
        }
        if (!preview.empty()) {
            added["preview"] = std::move(preview);
        }
    }

  private:
    // Numbers and tables are shown when somebody asked for them, or when nobody has seen the rows.
    static void draw(const ToolRun& run, const SqlTable& table, const std::string& title,
                     ToolFinding& finding) {
        const std::string& schema = run.services.chart_schema;
        auto chart = make_chart(table, title, finding.input,
                                schema.empty() ? kChartSchema : std::string_view(schema));
        if (!chart) {
            throw ProviderError(ProviderFault::bad_request, "there are no rows to draw");
        }
        const bool seen = finding.table.columns.empty();
        if (!is_picture(*chart) && seen && finding.input.empty()) {
            finding.status = "skipped";
            throw ProviderError(ProviderFault::bad_request,
                                "these rows do not make a chart, see the table");
        }
        finding.chart = std::move(*chart);
        finding.chart.chart_id = finding.call_id;
    }
};

} // namespace

const Tool& chart_tool() noexcept {
    static const ChartTool tool;
    return tool;
}

} // namespace mr
