// What a routed tool is to the pipeline: its texts on the wire, its time limit, its work, and what
// is shown of the result. Implementations hold no state and live for the whole program. A tool
// emits nothing itself.
#pragma once

#include "worker/pipeline/services.h"

#include <chrono>
#include <string>
#include <string_view>

namespace mr {

inline constexpr std::size_t kMaxPreviewRows = 20;
inline constexpr std::size_t kMaxPreviewTextBytes = 400; // per cell

struct ToolRun {
    const Question& question;
    const ProjectScope& scope;
    Services& services;
    // The finished query whose rows are to be drawn; null when there is none. Charts only.
    const ToolFinding* rows = nullptr;
};

class Tool {
  public:
    virtual ~Tool() = default;
    virtual std::string_view routed_name() const noexcept = 0;
    virtual std::string_view wire_name() const noexcept = 0; // `tool` of tool_start
    virtual std::string_view message() const noexcept = 0;   // `message` of tool_start
    virtual std::chrono::milliseconds timeout(const PipelineLimits& limits) const noexcept = 0;
    // Fills its member of the finding. finding.input is set.
    virtual Task<void> run(const ToolRun& run, ToolFinding& finding, CallContext& call) const = 0;
    virtual std::string summary(const ToolFinding& finding) const = 0;
    // Adds rows, truncated, preview to the fields of tool_complete.
    virtual void describe(const ToolFinding& finding, nlohmann::ordered_json& added) const = 0;
};

// Null for a name that is no tool.
const Tool* find_tool(std::string_view routed_name) noexcept;

const Tool& sql_tool() noexcept;
const Tool& documents_tool() noexcept;
const Tool& crm_tool() noexcept;
const Tool& chart_tool() noexcept;

// "columns" and "rows" of a table for `preview`, both cut.
void add_preview(const SqlTable& table, nlohmann::ordered_json& preview);

// At most max_bytes of `text`, cut between code points, with an ellipsis when something is missing.
std::string clipped(std::string_view text, std::size_t max_bytes);

} // namespace mr
