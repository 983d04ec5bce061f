// Turns states, proper names and bounds of a question into filters of its query.
#include "worker/providers/local/intent_draft.h"

#include <algorithm>

namespace mr::local {
namespace {

struct StateOf {
    std::string_view subject;
    std::string_view said;
    std::string_view value; // in the table
};
constexpr StateOf kStates[] = {
    {"invoices", "paid", "paid"},
    {"invoices", "overdue", "overdue"},
    {"invoices", "disputed", "disputed"},
    {"invoices", "void", "void"},
    {"vendor_invoices", "paid", "paid"},
    {"vendor_invoices", "overdue", "overdue"},
    {"vendor_invoices", "disputed", "disputed"},
    {"vendor_invoices", "void", "void"},
    {"change_orders", "approved", "approved"},
    {"change_orders", "rejected", "rejected"},
    {"change_orders", "pending", "proposed"},
    {"change_orders", "open", "proposed"},
    {"bids", "pending", "pending"},
    {"bids", "open", "pending"},
    {"bids", "awarded", "awarded"},
    {"bids", "rejected", "rejected"},
    {"bids", "withdrawn", "withdrawn"},
    {"inspections", "fail", "fail"},
    {"inspections", "pass", "pass"},
    {"inspections", "conditional", "conditional"},
};
constexpr std::string_view kProjectStates[] = {"active", "completed", "on_hold", "planning",
                                               "cancelled"};

bool is_project_state(std::string_view value) {
    return std::find(std::begin(kProjectStates), std::end(kProjectStates), value) !=
           std::end(kProjectStates);
}

void add_filter(QueryIntent& query, std::string_view field, std::string_view op,
                std::string_view value) {
    Filter filter{std::string(field), std::string(op), std::string(value)};
    if (std::find(query.filters.begin(), query.filters.end(), filter) == query.filters.end()) {
        query.filters.push_back(std::move(filter));
    }
}

void add_state(const Draft& draft, const Placed& state, std::string_view subject,
               QueryIntent& query) {
    const bool project_state = is_project_state(state.value);
    if (project_state) {
        // "the current budget of Harbor Court": an adjective, no choice among projects.
        const Subject* table = find_subject(subject);
        if (draft.projects == 0 && table != nullptr && table->has_projects) {
            add_filter(query, "project_status", "=", state.value);
        }
        return;
    }
    if (state.value == "open" && (subject == "invoices" || subject == "vendor_invoices")) {
        if (query.mode == "list" ||
            (!query.metrics.empty() && query.metrics.front().ends_with("count"))) {
            add_filter(query, "unpaid", "=", "");
        }
        return;
    }
    for (const StateOf& known : kStates) {
        if (known.subject == subject && known.said == state.value) {
            add_filter(query, "status", "=", known.value);
            return;
        }
    }
}

// Several tables know trades and kinds of inspection by the same words.
std::string_view field_in(std::string_view field, std::string_view subject) {
    if (subject == "inspections" && field == kFieldTrade) {
        return kFieldInspectionKind;
    }
    if (subject != "inspections" && field == kFieldInspectionKind) {
        return kFieldTrade;
    }
    if (field == kFieldSuperintendent && subject != "projects") {
        return kFieldSuperintendent;
    }
    return field;
}

bool for_crm_only(std::string_view field) {
    return field == kFieldCompany || field == kFieldContact || field == kFieldOwner;
}

void add_names(const Draft& draft, std::string_view subject, QueryIntent& query) {
    for (const Span& span : draft.reading.spans) {
        if (span.term == nullptr || for_crm_only(span.term->field)) {
            continue;
        }
        const std::string_view field = field_in(span.term->field, subject);
        const bool common_word = field == kFieldReason || field == kFieldType ||
                                 (field == kFieldTrade && subject == "projects");
        const Subject* table = find_subject(subject);
        const bool known = table != nullptr && field_expression(*table, field, "").has_value();
        if (!known && common_word) {
            continue; // an ordinary word here: "because of the weather", "office"
        }
        add_filter(query, field, "=", span.term->value);
    }
    for (const Placed& type : draft.types) {
        const bool before_noun =
            std::any_of(draft.nouns.begin(), draft.nouns.end(), [&](const Placed& noun) {
                return noun.value == "projects" && noun.at == type.end;
            });
        if (before_noun || subject == "projects") {
            add_filter(query, kFieldType, "=", type.value);
        }
    }
}

void add_bounds(const Draft& draft, std::string_view subject, QueryIntent& query) {
    const Subject* table = find_subject(subject);
    for (const Bound& bound : draft.bounds) {
        const std::string value = number_text(bound.value);
        if (query.mode == "totals" && !query.groups.empty()) {
            add_filter(query, "having", bound.op, value);
        } else if (table != nullptr && !table->amount.empty()) {
            add_filter(query, "amount", bound.op, value);
        }
    }
}

} // namespace

void add_filters(const Draft& draft, QueryIntent& query) {
    const std::string_view subject = subject_of(query);
    if (query.mode == "attributes" || query.mode == "overview") {
        for (const Span& span : draft.reading.spans) {
            if (span.term != nullptr && span.term->field == kFieldVendor &&
                query.attribute_of == "vendor") {
                add_filter(query, kFieldVendor, "=", span.term->value);
            }
        }
        return;
    }
    for (const Placed& state : draft.states) {
        add_state(draft, state, subject, query);
    }
    add_names(draft, subject, query);
    add_bounds(draft, subject, query);
    if (draft.over_budget) {
        add_filter(query, "over_budget", "=", "");
    }
    if (draft.insurance_expired) {
        add_filter(query, "insurance_expired", "=", "");
    }
}

} // namespace mr::local
