#include "worker/providers/local/answer.h"

#include "worker/providers/citations.h"
#include "worker/providers/local/describe.h"
#include "worker/providers/local/figures.h"
#include "worker/providers/local/format.h"
#include "worker/providers/local/intent_parser.h"
#include "worker/tools/tool.h"

#include <algorithm>

namespace mr::local {
namespace {

constexpr std::size_t kMaxQuotedBytes = 420; // of a document
constexpr std::size_t kMaxNamedDocuments = 5;
constexpr std::size_t kMaxCrmLines = 8; // of one type

void add_part(std::string& answer, const std::string& part) {
    if (!part.empty()) {
        answer += (answer.empty() ? "" : "\n\n") + part;
    }
}

std::string small_talk(const std::string& kind, const Vocabulary& vocabulary) {
    const std::string can =
        "I answer questions about the projects of " + vocabulary.company +
        ": invoices and payments, change orders, budgets and vendor cost, bids, crew hours, "
        "inspections, documents, and the clients, contacts and deals in the CRM.";
    if (kind == "thanks") {
        return "You're welcome. Ask whenever there is more to look up.";
    }
    if (kind == "read_only") {
        return "I can only look things up: I change, approve, pay or delete nothing. Tell me what "
               "you "
               "would like to know about it.";
    }
    if (kind == "bye") {
        return "Goodbye, and good luck on site.";
    }
    if (kind == "today") {
        return "The data is as of **" + date_text(vocabulary.today) +
               "**; \"this year\", \"overdue\" and the like refer to that day.";
    }
    const std::string examples =
        "For example:\n"
        "- How much have we invoiced on Harbor Point, and what is still open?\n"
        "- Which vendors cost us the most last year?\n"
        "- What happened with the waterproofing at Harbor Point?\n"
        "- Show the change orders by reason as a chart.\n"
        "- Who is our contact at Seabright Development Partners?";
    return (kind == "greeting" ? "Hello! " : "") + can + "\n\n" + examples;
}

std::string unknown_projects(const ProjectScope& scope) {
    std::string text;
    for (const UnknownProject& unknown : scope.unknown) {
        text += text.empty() ? "" : "\n\n";
        text += "I could not find a project called **" + markdown_text(unknown.name) +
                "**. I looked at project names, codes and the nicknames in use.";
        if (!unknown.suggestions.empty()) {
            text += " Did you mean " + joined(unknown.suggestions, " or ") + "?";
        }
    }
    if (scope.unanswerable()) {
        text += "\n\nSo I have not queried anything: figures of other projects would not answer "
                "your question.";
    } else if (!text.empty()) {
        text += "\n\nThe following covers" + scope_words(scope).substr(4) + " only.";
    }
    return text;
}

// "[2]" for a document among the sources, else "".
std::string citation(const AnswerRequest& request, const std::string& id) {
    for (std::size_t i = 0; i < request.sources.size(); ++i) {
        if (request.sources[i].id == id) {
            return " [" + std::to_string(i + 1) + "]";
        }
    }
    return "";
}

std::string sql_part(const ToolFinding& finding, const AnswerRequest& request) {
    std::string part = lead_sentence(finding, request.scope);
    if (const std::string table = rows_table(finding); !table.empty()) {
        part += "\n\n" + table;
    }
    if (finding.table.truncated) {
        part += "\n\nThe result was cut: there are more rows than can be shown.";
    }
    return part;
}

bool figures_found(const AnswerRequest& request) {
    return std::any_of(
        request.findings.begin(), request.findings.end(), [](const ToolFinding& finding) {
            return finding.tool == kToolSql && finding.ok() && !finding.table.rows.empty();
        });
}

// " (Harbor Point, March 1, 2026)"; other sources than the embedded one may know less.
std::string document_place(const Document& document) {
    const std::string date = markdown_text(date_text(document.date));
    const std::string project = markdown_text(document.project);
    const std::string both = project + (project.empty() || date.empty() ? "" : ", ") + date;
    return both.empty() ? "" : " (" + both + ")";
}

std::string document_lines(const ToolFinding& finding, const AnswerRequest& request) {
    std::string text;
    std::size_t shown = 0;
    for (const Document& document : finding.documents.documents) {
        if (shown++ == kMaxNamedDocuments) {
            break;
        }
        const std::string quoted = markdown_text(clipped(document.snippet, kMaxQuotedBytes));
        text += "\n- **" + markdown_text(document.title) + "**" + document_place(document) +
                (quoted.empty() ? "" : ": ") + quoted + citation(request, document.id);
    }
    return text;
}

std::string document_part(const ToolFinding& finding, const AnswerRequest& request) {
    const DocumentHits& hits = finding.documents;
    const bool asked = finding.input == request.question.text;
    if (hits.documents.empty()) {
        return asked ? "I searched the documents" + scope_words(request.scope) +
                           " for what you asked and found nothing that matches."
                     : "";
    }
    std::string text = cited_summary(hits, request.sources, markdown_text);
    text += text.empty() ? "" : "\n\n";
    if (!asked && figures_found(request)) { // they back the figures
        text += "Related documents:";
        for (std::size_t i = 0; i < hits.documents.size() && i < 3; ++i) {
            const Document& document = hits.documents[i];
            text += "\n- " + markdown_text(document.title) + (document.date.empty() ? "" : ", ") +
                    markdown_text(date_text(document.date)) + citation(request, document.id);
        }
        return text;
    }
    const std::string count =
        hits.total == 1 ? "one document" : std::to_string(hits.total) + " documents";
    return text + "I found " + count + scope_words(request.scope) + " on this" +
           (hits.total > static_cast<std::int64_t>(hits.documents.size()) ? ", the best of them"
                                                                          : "") +
           ":\n" + document_lines(finding, request);
}

std::string crm_value(const std::string& label, const nlohmann::json& value) {
    const std::string_view kind =
        label == "Amount"                                                    ? "money"
        : label == "Probability"                                             ? "percent"
        : label == "Closes" || label == "Last contacted" || label == "Since" ? "date"
                                                                             : "text";
    return markdown_text(cell_text(value, kind));
}

std::string crm_line(const CrmRecord& record) {
    static constexpr std::string_view kOrder[] = {
        "Title", "Company",  "Stage",           "Amount",  "Probability",    "Closes",
        "Owner", "Contact",  "Email",           "Phone",   "Last contacted", "Industry",
        "City",  "Relation", "Account manager", "Website", "Since"};
    std::string line = "- **" + markdown_text(record.title) + "**";
    bool first = true;
    for (const std::string_view label : kOrder) {
        const auto found = record.properties.find(label);
        if (found != record.properties.end() && !found->is_null()) {
            line +=
                (first ? ": " : ", ") +
                std::string(label == "Title" || label == "Stage" ? "" : std::string(label) + " ") +
                crm_value(std::string(label), *found);
            first = false;
        }
    }
    return line;
}

std::string crm_part(const ToolFinding& finding, const AnswerRequest& request) {
    const CrmHits& hits = finding.crm;
    if (hits.total == 0) {
        return "I searched the CRM" + scope_words(request.scope) +
               " for companies, contacts and deals that fit and found none.";
    }
    std::string text;
    for (const std::string_view type : {"company", "contact", "deal"}) {
        std::string lines;
        std::size_t all = 0;
        for (const CrmRecord& record : hits.records) {
            if (record.type == type && ++all <= kMaxCrmLines) {
                lines += "\n" + crm_line(record);
            }
        }
        for (const CrmRecord& record : hits.records) {
            if (record.type == "summary" && type == "deal") {
                lines = "The CRM holds **" + count_text(record.properties.value("Deals", 0.0)) +
                        "** such deals worth **" +
                        money_text(record.properties.value("Amount", 0.0)) + "** (" +
                        money_text(record.properties.value("Weighted", 0.0)) +
                        " weighted by probability)" + (lines.empty() ? "." : ":") + lines;
            }
        }
        if (lines.empty()) {
            continue;
        }
        if (type != "deal") {
            lines = std::string(type == "company" ? "In the CRM:" : "Contacts in the CRM:") + lines;
        }
        add_part(text, lines);
    }
    return text;
}

std::string tool_words(const std::string& tool) {
    return tool == kToolSql         ? "the analytics query"
           : tool == kToolDocuments ? "the document search"
           : tool == kToolCrm       ? "the CRM"
                                    : "the chart";
}

std::string failures(const AnswerRequest& request) {
    std::string text;
    for (const ToolFinding& finding : request.findings) {
        if (!finding.ok() && finding.tool != kToolChart) {
            text += text.empty() ? "" : "\n";
            text +=
                "I could not use " + tool_words(finding.tool) + ": " + finding.error.message + ".";
        } else if (finding.tool == kToolChart && !finding.ok() && !finding.input.empty()) {
            text += (text.empty() ? "" : "\n") + std::string("I could not draw a chart: ") +
                    finding.error.message + ".";
        }
    }
    return text;
}

std::string insights(const AnswerRequest& request) {
    std::string text;
    for (const std::string& insight : request.merged.insights) {
        text += (text.empty() ? "**Worth noting**\n- " : "\n- ") + insight;
    }
    return text;
}

std::string not_understood(const Vocabulary& vocabulary) {
    return "I could not tell what to look up. I know the projects of " + vocabulary.company +
           " with their invoices, change orders, vendor cost, bids, crew hours and inspections, "
           "their documents, and the CRM. Could you say which of these you mean?";
}

// Nothing found anywhere: what was searched, and for what.
std::string nothing_at_all(const AnswerRequest& request, const Understanding& understood) {
    std::vector<std::string> places;
    for (const ToolFinding& finding : request.findings) {
        if (finding.ok() && finding.tool != kToolChart) {
            places.push_back(finding.tool == kToolSql         ? "the tables"
                             : finding.tool == kToolDocuments ? "the project documents"
                                                              : "the CRM");
        }
    }
    if (places.empty()) {
        return "";
    }
    std::vector<std::string> words;
    for (const Word& word : understood.reading.words) {
        if (!is_stop_word(word.text) && word.text.size() > 2 && words.size() < 6) {
            words.push_back(word.text);
        }
    }
    return "I cannot answer this from the company's data. I looked in " + joined(places) +
           scope_words(request.scope) +
           (words.empty() ? "" : " for \"" + markdown_text(joined(words, ", ")) + "\"") +
           " and found nothing that fits.";
}

bool anything_found(const ToolFinding& finding) {
    if (!finding.ok()) {
        return false;
    }
    return !finding.table.rows.empty() || !finding.documents.documents.empty() ||
           finding.crm.total > 0;
}

} // namespace

std::string compose_answer(const AnswerRequest& request, const Vocabulary& vocabulary) {
    const Conversation before = conversation_of(request.question, vocabulary);
    const Understanding understood = understand(request.question.text, before, vocabulary);
    if (!understood.small_talk.empty() && request.findings.empty()) {
        return small_talk(understood.small_talk, vocabulary);
    }
    std::string answer;
    add_part(answer, unknown_projects(request.scope));
    if (request.scope.unanswerable()) {
        return answer;
    }
    if (request.findings.empty()) {
        add_part(answer, not_understood(vocabulary));
        return answer;
    }
    const bool found =
        std::any_of(request.findings.begin(), request.findings.end(), anything_found);
    const bool figures_asked = !understood.query.empty();
    if (!found && !figures_asked) {
        add_part(answer, nothing_at_all(request, understood));
        add_part(answer, failures(request));
        return answer;
    }
    for (const std::string_view tool : {kToolSql, kToolChart, kToolDocuments, kToolCrm}) {
        for (const ToolFinding& finding : request.findings) {
            const bool drawn_only = tool == kToolChart && finding.table.rows.empty();
            if (!finding.ok() || finding.tool != tool || drawn_only) {
                continue;
            }
            add_part(answer, tool == kToolSql || tool == kToolChart ? sql_part(finding, request)
                             : tool == kToolDocuments ? document_part(finding, request)
                                                      : crm_part(finding, request));
        }
    }
    add_part(answer, failures(request));
    add_part(answer, insights(request));
    return answer;
}

} // namespace mr::local
