#include "worker/providers/local/sql_totals.h"

#include "worker/providers/local/describe.h"

#include <algorithm>

namespace mr::local {
namespace {

std::vector<const Metric*> metrics_of(const QueryIntent& intent) {
    std::vector<const Metric*> all;
    for (const std::string& name : intent.metrics) {
        if (const Metric* metric = find_metric(name)) {
            all.push_back(metric);
        }
    }
    if (all.empty()) {
        throw ProviderError(ProviderFault::bad_request, "the question names no figure to compute");
    }
    return all;
}

bool in_time(const std::string& group) {
    return group == "month" || group == "quarter" || group == "year";
}

// Column titles must differ: "Change orders" may be a number and a sum.
std::string metric_label(const Metric& metric, const QueryIntent& intent,
                         const std::vector<SqlColumn>& columns) {
    std::string label(metric.label);
    if (averaged(metric, intent) && metric.aggregate != "avg") {
        label = "Average " + label;
        label[8] = static_cast<char>(label[8] | 0x20);
    }
    const bool used = std::any_of(columns.begin(), columns.end(),
                                  [&](const SqlColumn& column) { return column.name == label; });
    return used ? (metric.kind == "money" ? label + " value" : label + " count") : label;
}

std::string order_and_limit(const QueryIntent& intent, std::size_t key_count) {
    const std::string first_metric = std::to_string(key_count + 1);
    std::string order;
    int limit = intent.limit > 0 ? intent.limit : kMaxGroups;
    if (!intent.order.empty()) {
        order = first_metric + (intent.order == "asc" ? " ASC" : " DESC");
        if (intent.limit == 0) {
            limit = kRankedRows;
        } else {
            limit =
                std::max(intent.limit, intent.superlative && intent.limit == 1 ? kRankedRows : 1);
        }
    } else if (std::any_of(intent.groups.begin(), intent.groups.end(), in_time)) {
        order = "1";
    } else {
        order = first_metric + " DESC";
    }
    return " ORDER BY " + order + (order == "1" ? "" : ", 1") + " LIMIT " + std::to_string(limit);
}

std::string having_clause(const QueryIntent& intent, const std::string& expression) {
    std::string clause;
    for (const Filter& filter : intent.filters) {
        if (filter.field == "having") {
            clause += (clause.empty() ? " HAVING " : " AND ") + expression + " " + filter.op + " " +
                      filter.value;
        }
    }
    return clause;
}

// All metrics from one table: SELECT keys, aggregates FROM ... GROUP BY keys.
std::string one_table(Builder& builder, const std::vector<const Metric*>& metrics) {
    const QueryIntent& intent = builder.intent;
    const Subject& subject = builder.subject(metrics.front()->subject);
    const std::string date = date_column(subject, metrics.front(), intent);
    auto where = conditions(subject, intent, builder.scope, builder.today);
    if (!intent.times.empty()) {
        where.push_back(range_condition(date, intent.times.front()));
    }
    std::string select;
    std::string keys;
    for (std::size_t i = 0; i < intent.groups.size(); ++i) {
        const std::string& group = intent.groups[i];
        select += (select.empty() ? "" : ", ") + required_field(subject, group, date) +
                  builder.column(field_label(group), field_kind(group));
        keys += (keys.empty() ? " GROUP BY " : ", ") + std::to_string(i + 1);
        if (in_time(group)) {
            where.push_back(date + " IS NOT NULL");
        }
    }
    for (const Metric* metric : metrics) {
        const std::string label = metric_label(*metric, intent, builder.columns);
        select += (select.empty() ? "" : ", ") + aggregate_expression(*metric, intent) +
                  builder.column(label, metric->kind);
    }
    std::string sql =
        "SELECT " + select + " FROM " + std::string(subject.from) + where_clause(where);
    if (!keys.empty()) {
        const std::string first = aggregate_expression(*metrics.front(), intent);
        std::string having = having_clause(intent, first);
        if (having.empty() && (!intent.order.empty() || intent.metrics.size() == 1) &&
            metrics.front()->kind != "percent" && intent.order != "asc") {
            having = " HAVING " + first + " <> 0"; // groups with nothing of it say nothing
        }
        sql += keys + having + order_and_limit(intent, intent.groups.size());
    }
    return sql;
}

// Figures of several tables without a grouping: one row of scalar queries.
std::string scalar_queries(Builder& builder, const std::vector<const Metric*>& metrics) {
    std::string select;
    for (const Metric* metric : metrics) {
        const Subject& subject = builder.subject(metric->subject);
        auto where = conditions(subject, builder.intent, builder.scope, builder.today);
        if (!builder.intent.times.empty()) {
            where.push_back(range_condition(date_column(subject, metric, builder.intent),
                                            builder.intent.times.front()));
        }
        const std::string label = metric_label(*metric, builder.intent, builder.columns);
        select += (select.empty() ? "(SELECT " : ", (SELECT ") +
                  aggregate_expression(*metric, builder.intent) + " FROM " +
                  std::string(subject.from) + where_clause(where) + ")" +
                  builder.column(label, metric->kind);
    }
    return "SELECT " + select;
}

// One branch of a union: the rows of one metric under the common keys.
std::string union_branch(Builder& builder, const std::vector<const Metric*>& metrics,
                         std::size_t which, const TimeRange* range, std::size_t place) {
    const Metric& metric = *metrics[which];
    const Subject& subject = builder.subject(metric.subject);
    const std::string date = date_column(subject, &metric, builder.intent);
    auto where = conditions(subject, builder.intent, builder.scope, builder.today);
    std::string select;
    for (const std::string& group : builder.intent.groups) {
        select += required_field(subject, group, date) + ", ";
        if (in_time(group)) {
            where.push_back(date + " IS NOT NULL");
        }
    }
    if (builder.intent.compare) {
        select += quoted_text(period_label(*range)) + ", ";
    }
    if (range != nullptr) {
        where.push_back(range_condition(date, *range));
    }
    select += std::to_string(place);
    for (std::size_t i = 0; i < metrics.size(); ++i) {
        select += i == which ? ", " + row_expression(metric, builder.intent) : ", 0";
    }
    return "SELECT " + select + " FROM " + std::string(subject.from) + where_clause(where);
}

// Rows of zeros, so that a period or a project without any shows up as zero and not as a gap.
std::string union_seeds(const Builder& builder, std::size_t metric_count) {
    const QueryIntent& intent = builder.intent;
    const bool by_project = intent.groups == std::vector<std::string>{"project"};
    std::string zeros;
    for (std::size_t i = 0; i < metric_count; ++i) {
        zeros += ", 0";
    }
    std::string seeds;
    const std::size_t periods = intent.compare ? intent.times.size() : 1;
    for (std::size_t i = 0; i < periods; ++i) {
        const std::string period =
            intent.compare ? quoted_text(period_label(intent.times[i])) + ", " : "";
        const std::string tail = period + std::to_string(i) + zeros;
        if (by_project && builder.scope.filtered()) {
            const Subject& projects = builder.subject("projects");
            QueryIntent none;
            seeds += " UNION ALL SELECT p.name, " + tail + " FROM projects p" +
                     where_clause(conditions(projects, none, builder.scope, builder.today));
        } else if (intent.groups.empty() && intent.compare) {
            seeds += " UNION ALL SELECT " + tail;
        }
    }
    return seeds;
}

// Sums over several tables or periods under common keys.
std::string united(Builder& builder, const std::vector<const Metric*>& metrics) {
    const QueryIntent& intent = builder.intent;
    std::string inner;
    for (std::size_t which = 0; which < metrics.size(); ++which) {
        const std::size_t periods = std::max<std::size_t>(intent.times.size(), 1);
        for (std::size_t i = 0; i < periods; ++i) {
            const TimeRange* range = intent.times.empty() ? nullptr : &intent.times[i];
            inner += (inner.empty() ? "" : " UNION ALL ") +
                     union_branch(builder, metrics, which, range, i);
        }
    }
    inner += union_seeds(builder, metrics.size());
    std::string names;
    std::string select;
    std::string keys;
    std::size_t key_count = 0;
    const auto add_key = [&](std::string_view field) {
        const std::string name = "k" + std::to_string(++key_count);
        names += name + ", ";
        select += name + builder.column(field_label(field), field_kind(field)) + ", ";
        keys += (keys.empty() ? " GROUP BY " : ", ") + std::to_string(key_count);
    };
    for (const std::string& group : intent.groups) {
        add_key(group);
    }
    if (intent.compare) {
        add_key("period");
    }
    names += "place";
    for (std::size_t i = 0; i < metrics.size(); ++i) {
        const std::string name = "m" + std::to_string(i + 1);
        names += ", " + name;
        const std::string label = metric_label(*metrics[i], intent, builder.columns);
        select +=
            (i == 0 ? "sum(" : ", sum(") + name + ")" + builder.column(label, metrics[i]->kind);
    }
    std::string sql = "WITH parts (" + names + ") AS (" + inner + ") SELECT " + select +
                      " FROM parts" + keys + having_clause(intent, "sum(m1)");
    if (intent.compare) {
        sql += " ORDER BY " + std::string(intent.groups.empty() ? "" : "1, ") + "min(place)";
        return sql + " LIMIT " + std::to_string(kMaxGroups);
    }
    return sql + order_and_limit(intent, key_count);
}

// An average cannot be summed up from parts: the periods become a key of one query.
std::string averages_by_period(Builder& builder, const std::vector<const Metric*>& metrics) {
    const QueryIntent& intent = builder.intent;
    const Subject& subject = builder.subject(metrics.front()->subject);
    const std::string date = date_column(subject, metrics.front(), intent);
    std::string inner;
    for (std::size_t i = 0; i < intent.times.size(); ++i) {
        auto where = conditions(subject, intent, builder.scope, builder.today);
        where.push_back(range_condition(date, intent.times[i]));
        inner += (inner.empty() ? "SELECT " : " UNION ALL SELECT ") +
                 quoted_text(period_label(intent.times[i])) +
                 (i == 0 ? builder.column("Period", "period") : "");
        for (const Metric* metric : metrics) {
            inner += ", " + aggregate_expression(*metric, intent);
            if (i == 0) {
                inner +=
                    builder.column(metric_label(*metric, intent, builder.columns), metric->kind);
            }
        }
        inner += " FROM " + std::string(subject.from) + where_clause(where);
    }
    return inner;
}

} // namespace

std::string totals_sql(Builder& builder) {
    QueryIntent& intent = builder.intent;
    if (builder.scope.projects.size() > 1 && intent.groups.empty()) {
        intent.groups = {"project"};
    }
    std::vector<const Metric*> metrics = metrics_of(intent);
    const auto same_table = [&](const Metric* metric) {
        const Subject& subject = builder.subject(metric->subject);
        const Subject& first = builder.subject(metrics.front()->subject);
        return metric->subject == metrics.front()->subject &&
               date_column(subject, metric, intent) == date_column(first, metrics.front(), intent);
    };
    const bool timed =
        !intent.times.empty() || std::any_of(intent.groups.begin(), intent.groups.end(), in_time);
    const auto one_source = [&](const Metric* metric) {
        return timed ? same_table(metric) : metric->subject == metrics.front()->subject;
    };
    const bool one = std::all_of(metrics.begin(), metrics.end(), one_source);
    const bool any_average = std::any_of(metrics.begin(), metrics.end(), [&](const Metric* metric) {
        return averaged(*metric, intent);
    });
    if (intent.compare && any_average) {
        std::erase_if(metrics, [&](const Metric* metric) { return !one_source(metric); });
        return averages_by_period(builder, metrics);
    }
    const bool seeded = builder.scope.projects.size() > 1 && !any_average &&
                        intent.groups == std::vector<std::string>{"project"};
    if (intent.compare || (seeded && !intent.superlative)) {
        return united(builder, metrics);
    }
    if (one) {
        return one_table(builder, metrics);
    }
    if (intent.groups.empty()) {
        return scalar_queries(builder, metrics);
    }
    if (any_average) {
        std::erase_if(metrics, [&](const Metric* metric) { return !one_source(metric); });
        return one_table(builder, metrics);
    }
    return united(builder, metrics);
}

} // namespace mr::local
