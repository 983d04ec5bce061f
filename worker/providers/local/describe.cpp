#include "worker/providers/local/describe.h"

#include "worker/providers/local/format.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace mr::local {
namespace {

std::string state_word(const std::string& value) {
    return value == "fail"      ? "failed"
           : value == "pass"    ? "passed"
           : value == "on_hold" ? "on-hold"
                                : value;
}

std::string project_adjectives(const QueryIntent& query) {
    std::vector<std::string> states;
    std::vector<std::string> types;
    for (const Filter& filter : query.filters) {
        if (filter.field == "project_status") {
            states.push_back(state_word(filter.value));
        } else if (filter.field == "type") {
            types.push_back(filter.value);
        }
    }
    const std::string words = joined(states, " or ");
    return words + (words.empty() ? "" : " ") + joined(types, " or ") + (types.empty() ? "" : " ");
}

// The rows themselves are projects.
bool about_projects(const QueryIntent& query) {
    if (query.mode == "list") {
        return query.subject == "projects" || query.subject == "financials";
    }
    return query.metrics == std::vector<std::string>{"project_count"};
}

std::string vendor_preposition(const QueryIntent& query) {
    const std::string metric = query.metrics.empty() ? "" : query.metrics.front();
    return metric == "vendor_cost"                                    ? " by "
           : metric.starts_with("owed") || metric.starts_with("paid") ? " to "
                                                                      : " from ";
}

// Adjectives before the noun: "overdue", "failed crane", "active".
std::string adjectives(const QueryIntent& query) {
    std::vector<std::string> states;
    std::string words;
    for (const Filter& filter : query.filters) {
        if (filter.field == "status") {
            states.push_back(state_word(filter.value));
        } else if (filter.field == "unpaid") {
            states.emplace_back("unpaid");
        }
    }
    if (!states.empty()) {
        words = joined(states, " or ") + " ";
    }
    if (about_projects(query)) {
        words += project_adjectives(query);
    }
    for (const Filter& filter : query.filters) {
        if (filter.field == "inspection_kind" ||
            (filter.field == "trade" && query.mode == "list")) {
            words += filter.value + " ";
        }
    }
    return words;
}

std::string bound_words(const Filter& filter, bool money) {
    const double value = std::strtod(filter.value.c_str(), nullptr);
    const std::string number = money ? money_text(value) : count_text(value);
    return (filter.op == ">"    ? "above "
            : filter.op == "<"  ? "below "
            : filter.op == ">=" ? "of at least "
                                : "of at most ") +
           number;
}

std::string one_filter(const Filter& filter, const QueryIntent& query) {
    const std::string& field = filter.field;
    if (field == "status" || field == "unpaid" || field == "inspection_kind" ||
        field == "project_status" || field == "type" ||
        (field == "trade" && query.mode == "list")) {
        return ""; // said before the noun
    }
    if (field == "amount") {
        const Subject* subject = find_subject(query.subject);
        const Metric* metric = query.metrics.empty() ? nullptr : find_metric(query.metrics.front());
        if (subject == nullptr && metric != nullptr) {
            subject = find_subject(metric->subject);
        }
        return " " + bound_words(filter, subject == nullptr || subject->amount_kind == "money");
    }
    if (field == "having") {
        const Metric* metric = query.metrics.empty() ? nullptr : find_metric(query.metrics.front());
        return " " + bound_words(filter, metric != nullptr && metric->kind == "money");
    }
    if (field == "over_budget") {
        return " whose vendor cost exceeds the budget";
    }
    if (field == "insurance_expired") {
        return " whose insurance certificate has expired";
    }
    if (field == "city" || field == "state") {
        return " in " + filter.value;
    }
    if (field == "manager") {
        return " managed by " + filter.value;
    }
    if (field == "superintendent") {
        return " supervised by " + filter.value;
    }
    if (field == "inspector") {
        return " by inspector " + filter.value;
    }
    if (field == "vendor") {
        return vendor_preposition(query) + filter.value;
    }
    if (field == "reason") {
        return " because of " + filter.value;
    }
    return " for " + filter.value;
}

// "on active school projects", when the projects are not what is listed or counted.
std::string project_filter(const QueryIntent& query) {
    const std::string words = project_adjectives(query);
    return words.empty() || about_projects(query) ? "" : " on " + words + "projects";
}

std::string time_prefix(const QueryIntent& query) {
    return query.time_field == "end"     ? " ending "
           : query.time_field == "start" ? " starting "
                                         : " ";
}

} // namespace

std::string joined(const std::vector<std::string>& parts, std::string_view last) {
    std::string text;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        text += i == 0 ? "" : i + 1 == parts.size() ? std::string(last) : ", ";
        text += parts[i];
    }
    return text;
}

std::string capitalized(std::string text) {
    if (!text.empty()) {
        text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    }
    return text;
}

std::string metric_phrase(const Metric& metric, const QueryIntent& query) {
    const std::string states = adjectives(query);
    const Subject* subject = find_subject(metric.subject);
    if (metric.aggregate == "count" && subject != nullptr) {
        return "number of " + states + std::string(subject->plural);
    }
    std::string phrase(metric.phrase);
    const bool one_vendor =
        std::any_of(query.filters.begin(), query.filters.end(),
                    [](const Filter& filter) { return filter.field == "vendor"; });
    if (one_vendor && metric.subject == "vendor_invoices") {
        phrase = metric.name == "vendor_cost"       ? "cost charged"
                 : metric.name == "paid_to_vendors" ? "amount paid"
                 : metric.name == "owed"            ? "amount owed"
                                                    : "overdue amount owed";
    }
    if (metric.subject == "change_orders" && !states.empty()) {
        phrase = metric.name == "co_days" ? "number of days in " : "value of ";
        phrase += states + "change orders";
    } else if (!states.empty()) {
        phrase += " of " + states + std::string(subject != nullptr ? subject->plural : "rows");
    }
    if (query.aggregate.empty() || metric.aggregate == "avg") {
        return metric.aggregate == "avg" ? "average " + phrase : phrase;
    }
    if (metric.name == "invoiced" || metric.name == "vendor_cost" || metric.name == "co_amount" ||
        metric.name == "bid_amount") {
        return "average " +
               (states.empty() || metric.subject == "change_orders" ? states : states) +
               std::string(subject->singular);
    }
    return "average " + phrase;
}

std::string scope_words(const ProjectScope& scope) {
    std::vector<std::string> names;
    for (const Project& project : scope.projects) {
        names.push_back(project.name);
    }
    return names.empty() ? "" : " for " + joined(names);
}

std::string filter_words(const QueryIntent& query) {
    std::string words;
    const std::vector<Filter>& filters = query.filters;
    for (std::size_t i = 0; i < filters.size(); ++i) {
        const bool named = filters[i].op == "=";
        const auto same = [&](const Filter& other) { return other.field == filters[i].field; };
        const auto self = filters.begin() + static_cast<std::ptrdiff_t>(i);
        if (named && std::any_of(filters.begin(), self, same)) {
            continue; // said with the first of its kind
        }
        words += one_filter(filters[i], query);
        for (auto other = self + 1; named && other != filters.end(); ++other) {
            if (same(*other) && !one_filter(*other, query).empty()) {
                words += " or " + other->value;
            }
        }
    }
    return words + project_filter(query);
}

std::string time_words(const QueryIntent& query) {
    if (query.times.empty() || query.compare) {
        return "";
    }
    std::string label = query.times.front().label;
    constexpr std::string_view kToDate = " to date";
    if (!query.time_field.empty() && label.ends_with(kToDate)) {
        label.resize(label.size() - kToDate.size()); // ends and starts lie in the future too
    }
    return time_prefix(query) + label;
}

std::string rows_phrase(const QueryIntent& query, bool plural) {
    const Subject* subject = find_subject(query.subject);
    const std::string states = adjectives(query);
    if (subject == nullptr) {
        return plural ? "rows" : "row";
    }
    return states + std::string(plural ? subject->plural : subject->singular);
}

std::string period_label(const TimeRange& range) {
    return capitalized(range.label.starts_with("in ")   ? range.label.substr(3)
                       : range.label.starts_with("on ") ? range.label.substr(3)
                                                        : range.label);
}

std::string query_title(const QueryIntent& query, const ProjectScope& scope) {
    std::string title;
    if (query.mode == "overview") {
        title = "Overview";
    } else if (query.mode == "attributes") {
        title = joined(query.attributes);
    } else if (query.mode == "list") {
        title = capitalized(rows_phrase(query, true));
    } else {
        std::vector<std::string> phrases;
        for (const std::string& name : query.metrics) {
            if (const Metric* metric = find_metric(name)) {
                phrases.push_back(metric_phrase(*metric, query));
            }
        }
        title = capitalized(joined(phrases));
    }
    title += filter_words(query) + scope_words(scope) + time_words(query);
    if (!query.groups.empty() && query.mode == "totals") {
        std::vector<std::string> labels;
        for (const std::string& group : query.groups) {
            std::string label = field_label(group);
            label[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(label[0])));
            labels.push_back(std::move(label));
        }
        title += " by " + joined(labels);
    }
    if (query.compare) {
        std::vector<std::string> labels;
        for (const TimeRange& range : query.times) {
            labels.push_back(period_label(range));
        }
        title += ", " + joined(labels, " against ");
    }
    return title;
}

} // namespace mr::local
