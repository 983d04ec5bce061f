// hubspot: companies, contacts and deals of the CRM.
#include "worker/tools/tool.h"

#include <utility>

namespace mr {
namespace {

class CrmTool final : public Tool {
  public:
    std::string_view routed_name() const noexcept override { return kToolCrm; }
    std::string_view wire_name() const noexcept override { return "hubspot"; }
    std::string_view message() const noexcept override { return "Checking CRM..."; }
    std::chrono::milliseconds timeout(const PipelineLimits& limits) const noexcept override {
        return limits.crm_timeout;
    }

    Task<void> run(const ToolRun& run, ToolFinding& finding, CallContext& call) const override {
        finding.crm =
            co_await run.services.crm->search(run.question, finding.input, run.scope, call);
    }

    std::string summary(const ToolFinding&) const override { return "CRM data retrieved"; }

    void describe(const ToolFinding& finding, nlohmann::ordered_json& added) const override {
        if (!finding.ok()) {
            return;
        }
        const CrmHits& hits = finding.crm;
        added["rows"] = hits.records.size();
        added["truncated"] = hits.total > static_cast<std::int64_t>(hits.records.size());
        auto rows = nlohmann::ordered_json::array();
        for (std::size_t i = 0; i < hits.records.size() && i < kMaxPreviewRows; ++i) {
            const CrmRecord& record = hits.records[i];
            nlohmann::ordered_json row;
            row["type"] = record.type;
            row["name"] = clipped(record.title, kMaxPreviewTextBytes);
            for (const auto& [label, value] : record.properties.items()) {
                row[label] = value;
            }
            rows.push_back(std::move(row));
        }
        added["preview"] = std::move(rows);
    }
};

} // namespace

const Tool& crm_tool() noexcept {
    static const CrmTool tool;
    return tool;
}

} // namespace mr
