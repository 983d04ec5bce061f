#include "worker/providers/local/sql_parts.h"

#include "worker/providers/interfaces.h"

#include <algorithm>
#include <map>

namespace mr::local {
namespace {

std::string quoted_with(std::string_view text, char quote) {
    std::string out(1, quote);
    for (const char c : text) {
        out += c;
        if (c == quote) {
            out += c;
        }
    }
    return out + quote;
}

// Filters that are no plain comparison with a field; "" when it is none of these.
std::string special_condition(const Subject& subject, const Filter& filter,
                              std::string_view today) {
    if (filter.field == "unpaid") {
        return (subject.name == "vendor_invoices" ? "vi" : "i") + std::string(".balance > 0");
    }
    if (filter.field == "over_budget") {
        return "f.vendor_cost > f.budget";
    }
    if (filter.field == "insurance_expired") {
        return "v.insured_until < " + quoted_text(today);
    }
    if (filter.field == "amount") {
        if (subject.amount.empty()) {
            throw ProviderError(ProviderFault::bad_request,
                                std::string(subject.plural) + " have no amount to compare");
        }
        return std::string(subject.amount) + " " + filter.op + " " + filter.value;
    }
    return "";
}

bool asks_for_state(const QueryIntent& intent) {
    return std::any_of(intent.filters.begin(), intent.filters.end(),
                       [](const Filter& filter) { return filter.field == "status"; });
}

} // namespace

std::string quoted_text(std::string_view value) {
    return quoted_with(value, '\'');
}

std::string quoted_name(std::string_view name) {
    return quoted_with(name, '"');
}

std::string date_column(const Subject& subject, const Metric* metric, const QueryIntent& intent) {
    if (intent.time_field == "end" && subject.has_projects &&
        (subject.name == "projects" || subject.name == "financials")) {
        return "p.end_date";
    }
    return std::string(metric != nullptr && !metric->date.empty() ? metric->date : subject.date);
}

std::string range_condition(const std::string& column, const TimeRange& range) {
    if (column.empty()) {
        throw ProviderError(ProviderFault::bad_request,
                            "what is asked for has no date to filter by");
    }
    std::string condition;
    if (!range.from.empty()) {
        condition = column + " >= " + quoted_text(range.from);
    }
    if (!range.to.empty()) {
        condition += condition.empty() ? "" : " AND ";
        condition += column + " < " + quoted_text(range.to);
    }
    return condition;
}

std::vector<std::string> conditions(const Subject& subject, const QueryIntent& intent,
                                    const ProjectScope& scope, std::string_view today) {
    std::vector<std::string> all;
    if (scope.filtered() && subject.has_projects) {
        std::string ids;
        for (const Project& project : scope.projects) {
            ids += (ids.empty() ? "" : ", ") + project.id;
        }
        all.push_back("p.id IN (" + ids + ")");
    }
    std::map<std::string, std::string> values; // field → list; several values are alternatives
    for (const Filter& filter : intent.filters) {
        if (filter.field == "having") {
            continue;
        }
        if (auto special = special_condition(subject, filter, today); !special.empty()) {
            all.push_back(std::move(special));
            continue;
        }
        std::string& list = values[filter.field];
        list += (list.empty() ? "" : ", ") + quoted_text(filter.value);
    }
    for (const auto& [field, list] : values) {
        const std::string column = required_field(subject, field, "");
        const bool one = list.find("', '") == std::string::npos;
        all.push_back(one ? column + " = " + list : column + " IN (" + list + ")");
    }
    return all;
}

std::string where_clause(const std::vector<std::string>& all) {
    std::string clause;
    for (const std::string& condition : all) {
        clause += (clause.empty() ? " WHERE " : " AND ") + condition;
    }
    return clause;
}

std::string metric_condition(const Metric& metric, const QueryIntent& intent) {
    return asks_for_state(intent) ? "" : std::string(metric.condition);
}

bool averaged(const Metric& metric, const QueryIntent& intent) {
    return metric.aggregate == "avg" || (metric.aggregate == "sum" && intent.aggregate == "avg");
}

std::string aggregate_expression(const Metric& metric, const QueryIntent& intent) {
    const std::string condition = metric_condition(metric, intent);
    const std::string value(metric.value);
    if (metric.aggregate == "count") {
        return condition.empty() ? "count(*)" : "count(CASE WHEN " + condition + " THEN 1 END)";
    }
    const std::string counted =
        condition.empty() ? value : "CASE WHEN " + condition + " THEN " + value + " END";
    if (averaged(metric, intent)) {
        return "round(avg(" + counted + "), " + (metric.kind == "money" ? "0" : "1") + ")";
    }
    return "coalesce(sum(" + counted + "), 0)";
}

std::string row_expression(const Metric& metric, const QueryIntent& intent) {
    const std::string condition = metric_condition(metric, intent);
    const std::string value(metric.value);
    return condition.empty() ? value : "CASE WHEN " + condition + " THEN " + value + " ELSE 0 END";
}

std::string required_field(const Subject& subject, std::string_view field, std::string_view date) {
    auto expression = field_expression(subject, field, date);
    if (!expression) {
        throw ProviderError(ProviderFault::bad_request, "the " + std::string(subject.plural) +
                                                            " cannot be told apart by " +
                                                            field_plural(field));
    }
    return *expression;
}

} // namespace mr::local
