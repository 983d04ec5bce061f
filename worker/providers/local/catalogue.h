// What can be asked of the company's tables: subjects (tables with their joins), metrics, fields to
// group and filter by, columns of lists. The one place that knows both the words of an answer and
// the SQL behind them; it parses no question and builds no query.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mr::local {

struct ListColumn {
    std::string_view label;
    std::string_view expr;
    std::string_view kind; // SqlColumn::kind
};

struct Subject {
    std::string_view name;
    std::string_view singular;
    std::string_view plural;
    std::string_view from;        // FROM clause with the joins
    std::string_view date;        // the column times refer to
    std::string_view amount;      // the column thresholds and "largest" refer to; may be empty
    std::string_view amount_kind; // SqlColumn::kind of it
    std::string_view status;      // may be empty
    bool has_projects;            // p is joined
    std::string_view list_order;
    std::span<const ListColumn> columns;
};

struct Metric {
    std::string_view name;
    std::string_view label;  // column title
    std::string_view phrase; // "The <phrase> for Harbor Point is ..."
    std::string_view subject;
    std::string_view value;     // of one row
    std::string_view condition; // which rows count; may be empty
    std::string_view aggregate; // by default: sum, count, avg
    std::string_view kind;
    std::string_view date; // overrides Subject::date when not empty
};

std::span<const Subject> subjects() noexcept;
std::span<const Metric> metrics() noexcept;
const Subject* find_subject(std::string_view name) noexcept;
const Metric* find_metric(std::string_view name) noexcept;

// The SQL of a field ("vendor", "city", "month", ...) in a subject; nothing when it has none.
// `date` is the column for month, quarter and year.
std::optional<std::string> field_expression(const Subject& subject, std::string_view field,
                                            std::string_view date);

// Title of a grouping column, its kind, and its plural in a sentence.
std::string field_label(std::string_view field);
std::string_view field_kind(std::string_view field) noexcept;
std::string field_plural(std::string_view field);

// Attributes of a project or a vendor ("manager", "start", ...): columns of one row.
const ListColumn* find_project_attribute(std::string_view name) noexcept;
const ListColumn* find_vendor_attribute(std::string_view name) noexcept;

} // namespace mr::local
