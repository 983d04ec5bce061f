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

} // namespace

const Tool* find_tool(std::string_view routed_name) noexcept {
    for (const Tool* tool : {&sql_tool(), &documents_tool(), &crm_tool(), &chart_tool()}) {
        if (tool->routed_name() == routed_name) {
            return tool;
        }
    }
    return nullptr;
}

void add_preview(const SqlTable& table, nlohmann::ordered_json& preview) {
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
