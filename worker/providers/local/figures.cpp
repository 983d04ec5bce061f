#include "worker/providers/local/figures.h"

#include "worker/providers/local/catalogue.h"
#include "worker/providers/local/describe.h"
#include "worker/providers/local/figure_rows.h"
#include "worker/providers/local/format.h"

#include <algorithm>

namespace mr::local {
namespace {

// "amount invoiced" for the metric in this column, else the column's title.
std::string phrase_for(const QueryIntent& intent, std::size_t index, const SqlColumn& column) {
    if (index < intent.metrics.size()) {
        if (const Metric* metric = find_metric(intent.metrics[index])) {
            return metric_phrase(*metric, intent);
        }
    }
    return column.name;
}

std::string where_words(const QueryIntent& intent, const ProjectScope& scope) {
    return filter_words(intent) + scope_words(scope) + time_words(intent);
}

std::string one_row(const ToolFinding& finding, const QueryIntent& intent,
                    const ResultColumns& columns, const ProjectScope& scope) {
    const SqlTable& table = finding.table;
    const std::string where = where_words(intent, scope);
    if (columns.measures.size() == 1) {
        return "The " + phrase_for(intent, 0, table.columns[columns.measures[0]]) + where + " is " +
               bold_cell(table, 0, columns.measures[0]) + ".";
    }
    std::string text = (where.empty() ? "Across all projects" : capitalized(where.substr(1))) + ":";
    for (std::size_t i = 0; i < columns.measures.size(); ++i) {
        text += "\n- " + capitalized(phrase_for(intent, i, table.columns[columns.measures[i]])) +
                ": " + bold_cell(table, 0, columns.measures[i]);
    }
    return text;
}

std::string ranked(const ToolFinding& finding, const QueryIntent& intent,
                   const ResultColumns& columns, const ProjectScope& scope) {
    const SqlTable& table = finding.table;
    const std::size_t measure = columns.measures.front();
    const std::string phrase = phrase_for(intent, 0, table.columns[measure]);
    std::string text = bold(key_text(table, columns, 0)) + " has the " +
                       (intent.order == "asc" ? "lowest " : "highest ") + phrase +
                       where_words(intent, scope) + ": " + bold_cell(table, 0, measure);
    if (table.rows.size() > 1) {
        text += ", " + std::string(intent.order == "asc" ? "ahead of " : "followed by ") +
                key_text(table, columns, 1) + " (" + cell_of(table, 1, measure) + ")";
    }
    return text + ".";
}

// Two periods against each other, for every figure.
std::string compared(const ToolFinding& finding, const QueryIntent& intent,
                     const ResultColumns& columns, const ProjectScope& scope) {
    const SqlTable& table = finding.table;
    std::string text;
    const std::size_t last = table.rows.size() - 1;
    for (std::size_t i = 0; i < columns.measures.size(); ++i) {
        const std::size_t measure = columns.measures[i];
        const double before = number_at(table, last - 1, measure);
        const double after = number_at(table, last, measure);
        const double change = after - before;
        nlohmann::json magnitude = change < 0 ? -change : change;
        text += text.empty() ? "" : "\n\n";
        text += "The " + phrase_for(intent, i, table.columns[measure]) +
                where_words(intent, scope) + " is " + bold_cell(table, last, measure) + " (" +
                key_text(table, columns, last) + ") against " +
                bold_cell(table, last - 1, measure) + " (" + key_text(table, columns, last - 1) +
                "): " +
                (change == 0 ? "no change"
                             : bold(cell_text(magnitude, table.columns[measure].kind)) +
                                   (change < 0 ? " less" : " more"));
        if (before != 0 && change != 0) {
            text += " (" + std::string(change > 0 ? "+" : "") +
                    percent_text(100.0 * change / std::abs(before)) + ")";
        }
        text += ".";
    }
    return text;
}

std::string grouped(const ToolFinding& finding, const QueryIntent& intent,
                    const ResultColumns& columns, const ProjectScope& scope) {
    const SqlTable& table = finding.table;
    const std::size_t measure = columns.measures.front();
    const SqlColumn& column = table.columns[measure];
    const std::string phrase = capitalized(phrase_for(intent, 0, column));
    std::vector<std::string> labels;
    for (const std::size_t key : columns.keys) {
        std::string label = table.columns[key].name;
        labels.push_back(capitalized(label));
    }
    std::string text = phrase + where_words(intent, scope) + " by " + joined(labels);
    std::transform(text.end() - static_cast<std::ptrdiff_t>(joined(labels).size()), text.end(),
                   text.end() - static_cast<std::ptrdiff_t>(joined(labels).size()),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const bool additive = column.kind == "money" || column.kind == "count";
    const bool sums = additive && intent.aggregate.empty() && !table.truncated;
    if (sums && table.rows.size() > 1) {
        nlohmann::json total = total_of(table, measure);
        text += ", " + bold(cell_text(total, column.kind)) + " in all";
    }
    return text + ":";
}

std::string listed(const ToolFinding& finding, const QueryIntent& intent,
                   const ProjectScope& scope) {
    const SqlTable& table = finding.table;
    const std::size_t count = table.rows.size();
    const std::string where = where_words(intent, scope);
    if (!intent.order.empty()) {
        const std::string which = intent.order == "newest"   ? "latest "
                                  : intent.order == "oldest" ? "earliest "
                                  : intent.order == "asc"    ? "smallest "
                                                             : "largest ";
        return "The " + (count == 1 ? std::string() : std::to_string(count) + " ") + which +
               rows_phrase(intent, count != 1) + where + (count == 1 ? " is:" : " are:");
    }
    return (count == 1 ? "There is " : "There are ") +
           bold(std::to_string(count) + (table.truncated ? " or more" : "")) + " " +
           rows_phrase(intent, count != 1) + where + (count == 0 ? "." : ":");
}

std::string attributes(const SqlTable& table) {
    std::string text;
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        for (std::size_t i = 1; i < table.columns.size(); ++i) {
            if (table.columns[i].name == "City" && i + 1 < table.columns.size() &&
                table.columns[i + 1].name == "State") {
                text +=
                    (text.empty() ? "" : "\n") + markdown_text(cell_of(table, row, 0)) + " is in " +
                    bold(
                        markdown_text(cell_of(table, row, i) + ", " + cell_of(table, row, i + 1))) +
                    ".";
                ++i;
                continue;
            }
            std::string label = table.columns[i].name;
            label[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(label[0])));
            const std::string subject = markdown_text(cell_of(table, row, 0));
            const std::string value = bold(markdown_text(cell_of(table, row, i)));
            text += text.empty() ? "" : "\n";
            if (label == "complete") {
                text += subject + " is " + value + " complete.";
            } else if (label == "start" || label == "end") {
                text += "The " + label + " date of " + subject + " is " + value + ".";
            } else {
                text += "The " + label + " of " + subject + " is " + value + ".";
            }
        }
    }
    return text;
}

std::string overview(const SqlTable& table) {
    std::string text;
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        text += (row == 0 ? "**" : "\n\n**") + markdown_text(cell_of(table, row, 0)) + "**";
        for (std::size_t i = 1; i < table.columns.size(); ++i) {
            text += "\n- " + table.columns[i].name + ": " + markdown_text(cell_of(table, row, i));
        }
    }
    return text;
}

std::string nothing_found(const QueryIntent& intent, const ProjectScope& scope) {
    std::string what = intent.mode == "list" ? rows_phrase(intent, true) : "figures";
    if (intent.mode == "totals" && !intent.metrics.empty()) {
        if (const Metric* metric = find_metric(intent.metrics.front())) {
            what = "rows for the " + metric_phrase(*metric, intent);
        }
    }
    return "I found no " + what + where_words(intent, scope) + ".";
}

} // namespace

QueryIntent effective_intent(const SqlQuery& query) {
    QueryIntent intent;
    try {
        if (query.meaning.is_object() && query.meaning.contains("effective")) {
            query.meaning["effective"].get_to(intent);
        }
    } catch (const nlohmann::json::exception&) {
        intent = QueryIntent{};
    }
    return intent;
}

std::string lead_sentence(const ToolFinding& finding, const ProjectScope& scope) {
    const SqlTable& table = finding.table;
    const QueryIntent intent = effective_intent(finding.query);
    if (table.rows.empty()) {
        return nothing_found(intent, scope);
    }
    if (intent.mode == "attributes") {
        return attributes(table);
    }
    if (intent.mode == "overview") {
        return overview(table);
    }
    if (intent.mode == "list") {
        return listed(finding, intent, scope);
    }
    const ResultColumns columns = columns_of(table);
    if (intent.mode != "totals" || columns.measures.empty()) {
        return (finding.query.title.empty() ? "Result" : finding.query.title) + ":";
    }
    if (columns.keys.empty()) {
        return one_row(finding, intent, columns, scope);
    }
    if (intent.compare && table.rows.size() == 2 && columns.keys.size() == 1) {
        return compared(finding, intent, columns, scope);
    }
    if (intent.superlative) {
        return ranked(finding, intent, columns, scope);
    }
    return grouped(finding, intent, columns, scope);
}

std::string rows_table(const ToolFinding& finding) {
    const SqlTable& table = finding.table;
    const QueryIntent intent = effective_intent(finding.query);
    const bool said =
        intent.mode == "attributes" || intent.mode == "overview" ||
        (intent.mode == "totals" && table.rows.size() == 1 && columns_of(table).keys.empty());
    if (table.rows.empty() || said) {
        return "";
    }
    std::string text = "|";
    std::string rule = "|";
    for (const SqlColumn& column : table.columns) {
        text += " " + column.name + " |";
        rule += is_measure(column.kind) ? " ---: |" : " --- |";
    }
    text += "\n" + rule;
    for (std::size_t row = 0; row < table.rows.size() && row < kMaxTableRows; ++row) {
        text += "\n|";
        for (std::size_t i = 0; i < table.columns.size(); ++i) {
            text += " " + table_cell(table.rows[row][i], table.columns[i].kind) + " |";
        }
    }
    if (table.rows.size() > kMaxTableRows) {
        text += "\n\n… and " + std::to_string(table.rows.size() - kMaxTableRows) + " more.";
    }
    return text;
}

} // namespace mr::local
