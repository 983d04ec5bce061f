// vertex_search: passages of the projects' documents.
#include "worker/tools/tool.h"

#include <utility>

namespace mr {
namespace {

class DocumentsTool final : public Tool {
  public:
    std::string_view routed_name() const noexcept override { return kToolDocuments; }
    std::string_view wire_name() const noexcept override { return "vertex_search"; }
    std::string_view message() const noexcept override { return "Searching documents..."; }
    std::chrono::milliseconds timeout(const PipelineLimits& limits) const noexcept override {
        return limits.documents_timeout;
    }

    Task<void> run(const ToolRun& run, ToolFinding& finding, CallContext& call) const override {
        finding.documents =
            co_await run.services.documents->search(run.question, finding.input, run.scope, call);
    }

    std::string summary(const ToolFinding& finding) const override {
        return "Found " + std::to_string(finding.documents.documents.size()) + " documents";
    }

    void describe(const ToolFinding& finding, nlohmann::ordered_json& added) const override {
        if (!finding.ok()) {
            return;
        }
        const DocumentHits& hits = finding.documents;
        added["rows"] = hits.documents.size();
        added["truncated"] = hits.total > static_cast<std::int64_t>(hits.documents.size());
        auto rows = nlohmann::ordered_json::array();
        for (std::size_t i = 0; i < hits.documents.size() && i < kMaxPreviewRows; ++i) {
            const Document& document = hits.documents[i];
            nlohmann::ordered_json row;
            row["title"] = clipped(document.title, kMaxPreviewTextBytes);
            row["project"] = document.project;
            row["date"] = document.date;
            row["snippet"] = clipped(document.snippet, kMaxPreviewTextBytes);
            rows.push_back(std::move(row));
        }
        added["preview"] = std::move(rows);
    }
};

} // namespace

const Tool& documents_tool() noexcept {
    static const DocumentsTool tool;
    return tool;
}

} // namespace mr
