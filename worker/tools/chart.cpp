// powerbi: draws the rows of a finished query as a Vega-Lite specification.
#include "worker/tools/chart_spec.h"
#include "worker/tools/tool.h"

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

    Task<void> run(const ToolRun& run, ToolFinding& finding, CallContext&) const override {
        if (run.rows == nullptr || run.rows->table.rows.empty()) {
            throw ProviderError(ProviderFault::bad_request, "there are no rows to draw");
        }
        auto chart = make_chart(run.rows->table, run.rows->query.title, finding.input);
        if (!chart && finding.input.empty()) {
            finding.status = "skipped"; // nobody asked for it
        }
        if (!chart) {
            throw ProviderError(ProviderFault::bad_request,
                                "these rows do not make a chart, see the table");
        }
        finding.chart = std::move(*chart);
        finding.chart.chart_id = finding.call_id;
        co_return;
    }

    std::string summary(const ToolFinding&) const override { return "Visualization ready"; }

    void describe(const ToolFinding& finding, nlohmann::ordered_json& added) const override {
        if (finding.ok()) {
            added["rows"] = finding.chart.rows.size();
        }
    }
};

} // namespace

const Tool& chart_tool() noexcept {
    static const ChartTool tool;
    return tool;
}

} // namespace mr
