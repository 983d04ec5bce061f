// Tables in words for a writer of queries.
#include "worker/providers/bigquery/wire.h"
#include "worker/providers/remote_json.h"
#include "worker/tools/tool.h"

namespace mr::bigquery {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 4;                      // of records
constexpr std::size_t kMaxDescriptionBytes = 300; // of a table or column
constexpr std::size_t kMaxFields = 300;           // of a table

std::string said_of(const json& one) {
    std::string text = clipped(text_of(member(one, "description")), kMaxDescriptionBytes);
    for (char& c : text) {
        c = c == '\n' || c == '\r' ? ' ' : c;
    }
    return text.empty() ? "" : " -- " + text;
}

void add_fields(const json& fields, const std::string& indent, int depth, std::size_t& count,
                std::string& out) {
    for (const json& field : items_of(fields)) {
        if (++count > kMaxFields || depth > kMaxDepth) {
            return;
        }
        const std::string mode = text_of(member(field, "mode"));
        const std::string type = text_of(member(field, "type"));
        out += indent + text_of(member(field, "name")) + " ";
        out += mode == "REPEATED" ? "ARRAY of " + type : type;
        out += said_of(field) + "\n";
        add_fields(member(field, "fields"), indent + "  ", depth + 1, count, out);
    }
}

} // namespace

std::string described(const json& reply, const Table& table) {
    std::string out = "TABLE " + table.name;
    out += table.scoped() ? " (of projects, by " + table.project_column + ")"
                          : " (belongs to no project)";
    out += said_of(reply) + "\n";
    std::size_t count = 0;
    add_fields(member(member(reply, "schema"), "fields"), "  ", 0, count, out);
    return out;
}

} // namespace mr::bigquery
