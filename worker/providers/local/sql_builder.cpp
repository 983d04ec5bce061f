#include "worker/providers/local/sql_builder.h"

#include "worker/providers/interfaces.h"
#include "worker/providers/local/describe.h"
#include "worker/providers/local/sql_parts.h"
#include "worker/providers/local/sql_totals.h"

#include <algorithm>

namespace mr::local {
namespace {

constexpr int kMaxListRows = 200;

std::string list(Builder& builder) {
    const QueryIntent& intent = builder.intent;
    const Subject& subject = builder.subject(intent.subject);
    auto where = conditions(subject, intent, builder.scope, builder.today);
    const std::string date = date_column(subject, nullptr, intent);
    if (!intent.times.empty()) {
        where.push_back(range_condition(date, intent.times.front()));
    }
    std::string select;
    for (const ListColumn& column : subject.columns) {
        select += (select.empty() ? "" : ", ") + std::string(column.expr) +
                  builder.column(column.label, column.kind);
    }
    std::string order(subject.list_order);
    if ((intent.order == "newest" || intent.order == "oldest") && !date.empty()) {
        order = date + (intent.order == "newest" ? " DESC, " : " ASC, ") + order;
    } else if (!intent.order.empty() && !subject.amount.empty()) {
        order =
            std::string(subject.amount) + (intent.order == "asc" ? " ASC, " : " DESC, ") + order;
    }
    if (intent.order.empty() && !intent.time_field.empty() && !intent.times.empty()) {
        order = date + ", " + order;
    }
    const int limit = intent.limit > 0 ? intent.limit : kMaxListRows;
    return "SELECT " + select + " FROM " + std::string(subject.from) + where_clause(where) +
           " ORDER BY " + order + " LIMIT " + std::to_string(std::min(limit, kMaxListRows));
}

std::string attributes(Builder& builder) {
    const QueryIntent& intent = builder.intent;
    const bool vendor = intent.attribute_of == "vendor";
    const Subject& subject = builder.subject(vendor ? "vendors" : "projects");
    std::string select = std::string(vendor ? "v.name" : "p.name") +
                         builder.column(vendor ? "Vendor" : "Project", "text");
    for (const std::string& name : intent.attributes) {
        const ListColumn* column =
            vendor ? find_vendor_attribute(name) : find_project_attribute(name);
        if (column != nullptr) {
            select +=
                ", " + std::string(column->expr) + builder.column(column->label, column->kind);
        }
    }
    return "SELECT " + select + " FROM " + std::string(subject.from) +
           where_clause(conditions(subject, intent, builder.scope, builder.today)) +
           " ORDER BY 1 LIMIT " + std::to_string(kMaxListRows);
}

std::string overview(Builder& builder) {
    static constexpr ListColumn kColumns[] = {
        {"Project", "p.name", "text"},
        {"Client", "p.client", "text"},
        {"Type", "p.type", "text"},
        {"City", "p.city", "text"},
        {"Status", "p.status", "text"},
        {"Start", "p.start_date", "date"},
        {"End", "p.end_date", "date"},
        {"Complete", "p.percent_complete", "percent"},
        {"Manager", "p.manager", "text"},
        {"Contract value", "f.contract_value", "money"},
        {"Budget", "f.budget", "money"},
        {"Vendor cost", "f.vendor_cost", "money"},
        {"Invoiced", "f.invoiced", "money"},
        {"Received", "f.received", "money"},
        {"Still open", "f.outstanding", "money"},
        {"Overdue", "f.overdue", "money"},
        {"Description", "p.description", "text"},
    };
    const Subject& subject = builder.subject("financials");
    std::string select;
    for (const ListColumn& column : kColumns) {
        select += (select.empty() ? "" : ", ") + std::string(column.expr) +
                  builder.column(column.label, column.kind);
    }
    return "SELECT " + select + " FROM " + std::string(subject.from) +
           where_clause(conditions(subject, builder.intent, builder.scope, builder.today)) +
           " ORDER BY 1 LIMIT " + std::to_string(kMaxListRows);
}

} // namespace

SqlQuery build_sql(const QueryIntent& intent, const ProjectScope& scope, std::string_view today) {
    Builder builder{intent, scope, today, {}};
    SqlQuery query;
    if (intent.mode == "totals") {
        query.sql = totals_sql(builder);
    } else if (intent.mode == "list") {
        query.sql = list(builder);
    } else if (intent.mode == "attributes") {
        query.sql = attributes(builder);
    } else if (intent.mode == "overview") {
        query.sql = overview(builder);
    } else {
        throw ProviderError(ProviderFault::bad_request,
                            "the question asks for nothing the tables hold");
    }
    query.title = query_title(builder.intent, scope);
    // The intent as asked is what a follow-up builds on; the effective one is what was run.
    query.meaning = {
        {"intent", intent}, {"effective", builder.intent}, {"columns", builder.columns}};
    return query;
}

} // namespace mr::local
