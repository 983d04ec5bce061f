// The values that travel between the phases of a turn and the providers. Plain data with a JSON
// form (checkpoints carry them); no behaviour, no I/O. Ids are text: external systems have their
// own kinds of key.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mr {

using SteadyTime = std::chrono::steady_clock::time_point;

// A message of the conversation so far. `memory` is what TurnResult::memory of that turn held
// (assistant messages; null otherwise): projects in scope and the last query, so that "and last
// year?" can be understood. The app stores it beside the text and gives it back unread.
struct HistoryMessage {
    std::string role; // "user" or "assistant"
    std::string content;
    nlohmann::json memory;
};

// What is asked, as every provider sees it. Oldest history message first.
struct Question {
    std::string text;
    std::vector<HistoryMessage> history;
    nlohmann::json context; // `context` of the client's message, null when absent
};

// Tokens of one model call.
struct Usage {
    std::string provider;
    std::string model;
    std::int64_t input_tokens = 0;
    std::int64_t output_tokens = 0;
    std::int64_t cached_tokens = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Usage, provider, model, input_tokens, output_tokens,
                                                cached_tokens)

struct Project {
    std::string id;
    std::string name;
    std::string code;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Project, id, name, code)

// Names of projects as the question has them, misspelt or not. Names that the question does not
// repeat but means ("and last year?") come from the history.
struct ProjectMentions {
    std::vector<std::string> names;
    bool from_history = false;
};

struct ProjectCandidate {
    Project project;
    double score = 0; // 0..1
};

// The candidates for one name, best first.
struct ProjectMatch {
    std::string name;
    std::vector<ProjectCandidate> candidates;
};

struct UnknownProject {
    std::string name;                     // as asked
    std::vector<std::string> suggestions; // names of the nearest projects, possibly none
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(UnknownProject, name, suggestions)

// Which projects the turn is about. No projects and no unknown names: all of them.
struct ProjectScope {
    std::vector<Project> projects;
    std::vector<UnknownProject> unknown;

    bool filtered() const noexcept { return !projects.empty(); }
    // Only names that nobody knows: nothing may be queried, or the answer would be about others.
    bool unanswerable() const noexcept { return projects.empty() && !unknown.empty(); }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ProjectScope, projects, unknown)

// The tools a router may choose (wire.md section 2).
inline constexpr std::string_view kToolSql = "claude_sql";
inline constexpr std::string_view kToolDocuments = "vertex_search";
inline constexpr std::string_view kToolCrm = "hubspot";
inline constexpr std::string_view kToolChart = "powerbi";

struct ToolCall {
    std::string tool;
    std::string input; // the part of the question this tool is to answer
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ToolCall, tool, input)

struct RoutePlan {
    std::vector<ToolCall> calls;
    std::string reasoning;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RoutePlan, calls, reasoning)

// `meaning` is the writer's own account of the query (null when it has none). The embedded one
// lists metrics, filters in words and the kind of each column; merge and answer use it, and it
// becomes part of the turn's memory.
struct SqlQuery {
    std::string sql;
    std::string title;
    nlohmann::json meaning;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SqlQuery, sql, title, meaning)

// `kind`: "money", "count", "number", "percent", "date", "month", "text" or "id".
struct SqlColumn {
    std::string name;
    std::string kind;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SqlColumn, name, kind)

struct SqlTable {
    std::vector<SqlColumn> columns;
    std::vector<std::vector<nlohmann::json>> rows; // null, number or string, one per column
    bool truncated = false;                        // the row or byte limit cut it
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SqlTable, columns, rows, truncated)

struct Document {
    std::string id;
    std::string title;
    std::string url;
    std::string snippet; // plain text
    std::string kind;
    std::string date; // ISO 8601
    std::string project;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Document, id, title, url, snippet, kind, date,
                                                project)

struct DocumentHits {
    std::vector<Document> documents; // best first
    std::int64_t total = 0;          // found in all, at least documents.size()
    std::string query;               // what was looked for
    // What the search itself says the documents say, plain text; empty: nothing. [1] in it is the
    // first of `documents`.
    std::string summary;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(DocumentHits, documents, total, query, summary)

struct CrmRecord {
    std::string id;
    std::string type; // "company", "contact" or "deal"
    std::string title;
    nlohmann::json properties; // object, label → value
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(CrmRecord, id, type, title, properties)

struct CrmHits {
    std::vector<CrmRecord> records;
    std::int64_t total = 0;
    std::string query;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(CrmHits, records, total, query)

struct Chart {
    std::string chart_id;
    std::string title;
    nlohmann::json spec; // Vega-Lite, data inside
    nlohmann::json rows; // array of objects, bounded
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Chart, chart_id, title, spec, rows)

struct FindingError {
    std::string code;
    std::string message; // safe to show
    bool retryable = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(FindingError, code, message, retryable)

// What came of one tool call. Only the member of its tool is filled.
struct ToolFinding {
    std::string call_id;
    std::string tool;   // as routed
    std::string input;  // as routed
    std::string status; // "ok", "error", "timeout" or "skipped"
    std::int64_t duration_ms = 0;
    SqlQuery query;
    SqlTable table;
    DocumentHits documents;
    CrmHits crm;
    Chart chart;
    FindingError error;

    bool ok() const noexcept { return status == "ok"; }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ToolFinding, call_id, tool, input, status,
                                                duration_ms, query, table, documents, crm, chart,
                                                error)

struct MergedFindings {
    std::string summary;
    std::vector<std::string> insights;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(MergedFindings, summary, insights)

// An entry of `sources` in response_complete (wire.md section 2).
struct Source {
    std::string id;
    std::string title;
    std::string url;
    std::string snippet;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Source, id, title, url, snippet)

} // namespace mr
