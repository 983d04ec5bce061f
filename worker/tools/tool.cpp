#include "worker/tools/tool.h"

namespace mr {

const Tool* find_tool(std::string_view routed_name) noexcept {
    for (const Tool* tool : {&sql_tool(), &documents_tool(), &crm_tool(), &chart_tool()}) {
        if (tool->routed_name() == routed_name) {
            return tool;
        }
    }
    return nullptr;
}

std::string clipped(std::string_view text, std::size_t max_bytes) {
    if (text.size() <= max_bytes) {
        return std::string(text);
    }
    std::size_t end = max_bytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        --end;
    }
    return std::string(text.substr(0, end)) + "…";
}

} // namespace mr
