#include "worker/providers/evidence.h"

#include "worker/providers/citations.h"

#include <algorithm>

namespace mr {
namespace {

constexpr std::string_view kCutNote = "\n(more was found than fits here)\n";

// On one line, bounded: a table's row must stay a row.
std::string cell(std::string_view text) {
    std::string out(cut_text(text, kMaxCellBytes));
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c == '\n' || c == '\t' || c == '\r'; }, ' ');
    return out;
}

std::string value_cell(const nlohmann::json& value) {
    if (value.is_string()) {
        return cell(std::string_view(value.get_ref<const std::string&>()));
    }
    return value.is_null()
               ? std::string()
               : cell(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void add_scope(std::string& out, const ProjectScope& scope) {
    out += "Projects in scope: ";
    if (!scope.filtered()) {
        out += scope.unanswerable() ? "none" : "all";
    }
    for (std::size_t i = 0; i < scope.projects.size(); ++i) {
        const Project& project = scope.projects[i];
        out += (i > 0 ? "; " : "") + cell(project.name) + " (" + cell(project.code) + ")";
    }
    out += '\n';
    for (const UnknownProject& unknown : scope.unknown) {
        out += "Unknown project name: " + cell(unknown.name);
        for (std::size_t i = 0; i < unknown.suggestions.size(); ++i) {
            out += (i == 0 ? "; similar: " : ", ") + cell(unknown.suggestions[i]);
        }
        out += '\n';
    }
}

void add_table(std::string& out, const ToolFinding& finding) {
    out += cell(finding.query.title) + "\n";
    const SqlTable& table = finding.table;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        out += (i > 0 ? "\t" : "") + cell(table.columns[i].name);
    }
    out += '\n';
    const std::size_t shown = std::min(table.rows.size(), kMaxEvidenceRows);
    for (std::size_t row = 0; row < shown && out.size() < kMaxEvidenceBytes; ++row) {
        for (std::size_t i = 0; i < table.rows[row].size(); ++i) {
            out += (i > 0 ? "\t" : "") + value_cell(table.rows[row][i]);
        }
        out += '\n';
    }
    if (shown < table.rows.size() || table.truncated) {
        out += "(" + std::to_string(shown) + " of " + std::to_string(table.rows.size()) +
               (table.truncated ? " or more" : "") + " rows)\n";
    }
}

void add_documents(std::string& out, const DocumentHits& hits, const std::vector<Source>& sources) {
    out += std::to_string(hits.total) + " documents found\n";
    if (!hits.summary.empty()) {
        out += "What the search says of them: " + cited_summary(hits, sources) + "\n";
    }
    for (const Document& document : hits.documents) {
        out += "- " + cell(document.title) + " (" + cell(document.kind) + ", " +
               cell(document.date) + ", " + cell(document.project) +
               "): " + std::string(cut_text(document.snippet, 2 * kMaxCellBytes)) + "\n";
    }
}

void add_crm(std::string& out, const CrmHits& hits) {
    out += std::to_string(hits.total) + " CRM records found\n";
    for (const CrmRecord& record : hits.records) {
        out += "- " + cell(record.type) + " " + cell(record.title);
        for (const auto& [label, value] : record.properties.items()) {
            out += "; " + cell(label) + ": " + value_cell(value);
        }
        out += '\n';
    }
}

void add_finding(std::string& out, const ToolFinding& finding, const std::vector<Source>& sources) {
    out += "\n## " + finding.tool + ": " + cell(finding.input) + "\n";
    if (!finding.ok()) {
        out += finding.status + ": " + cell(finding.error.message) + "\n";
    } else if (finding.tool == kToolSql) {
        add_table(out, finding);
    } else if (finding.tool == kToolDocuments) {
        add_documents(out, finding.documents, sources);
    } else if (finding.tool == kToolCrm) {
        add_crm(out, finding.crm);
    } else if (finding.tool == kToolChart) {
        if (!finding.table.rows.empty()) { // of a semantic model; others stand with their query
            add_table(out, finding);
        }
        out += "A chart of these rows is shown to the user: " + cell(finding.chart.title) + "\n";
    }
}

} // namespace

std::string_view cut_text(std::string_view text, std::size_t bytes) {
    if (text.size() <= bytes) {
        return text;
    }
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) {
        --bytes;
    }
    return text.substr(0, bytes);
}

std::string evidence_text(const AnswerRequest& request) {
    std::string out;
    add_scope(out, request.scope);
    if (!request.merged.summary.empty()) {
        out += "Summary: " + request.merged.summary + "\n";
    }
    for (const std::string& insight : request.merged.insights) {
        out += "- " + insight + "\n";
    }
    for (const ToolFinding& finding : request.findings) {
        if (out.size() < kMaxEvidenceBytes) {
            add_finding(out, finding, request.sources);
        }
    }
    if (!request.sources.empty()) {
        out += "\n## Sources\n";
    }
    for (std::size_t i = 0; i < request.sources.size(); ++i) {
        out += "[" + std::to_string(i + 1) + "] " + cell(request.sources[i].title) + "\n";
    }
    if (out.size() > kMaxEvidenceBytes) {
        out = std::string(cut_text(out, kMaxEvidenceBytes - kCutNote.size()));
        out += kCutNote;
    }
    return out;
}

} // namespace mr
