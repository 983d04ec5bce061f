// Decides what kind of query a question asks for.
#include "worker/providers/local/intent_totals.h"

#include <algorithm>

namespace mr::local {
namespace {

// "vendor" with money of ours: the vendor's side is meant.
void prefer_vendor_side(const Draft& draft, QueryIntent& query) {
    const bool by_vendor =
        std::find(query.groups.begin(), query.groups.end(), "vendor") != query.groups.end() ||
        std::find(query.groups.begin(), query.groups.end(), "trade") != query.groups.end() ||
        draft.vendor_named || draft.has_noun("vendor_invoices");
    if (!by_vendor) {
        return;
    }
    static constexpr std::pair<std::string_view, std::string_view> kOtherSide[] = {
        {"invoiced", "vendor_cost"},
        {"received", "paid_to_vendors"},
        {"outstanding", "owed"},
        {"overdue", "owed_overdue"},
        {"invoice_count", "vendor_invoice_count"},
    };
    for (std::string& metric : query.metrics) {
        for (const auto& [ours, theirs] : kOtherSide) {
            if (metric == ours) {
                metric = theirs;
                break;
            }
        }
    }
    if (query.subject == "invoices") {
        query.subject = "vendor_invoices";
    }
}

// "by month" and the like were found as groups already; here "which client ... most", "top 5
// vendors", "projects with more than 3 failed inspections".
void add_asked_things(const Draft& draft, QueryIntent& query) {
    const bool ranked = draft.superlative() || draft.top || !draft.bounds.empty();
    if (!query.groups.empty() || query.metrics.empty()) {
        return;
    }
    const auto asked = [&](const Placed& one) {
        return ranked || draft.list || draft.asked_by_which(one.at);
    };
    if (draft.projects > 0) {
        return;
    }
    for (const Placed& thing : draft.things) {
        const bool always = thing.value != "status" && thing.value != "month" &&
                            thing.value != "quarter" && thing.value != "year";
        if (asked(thing) && (always || ranked)) {
            add_once(query.groups, thing.value);
            return;
        }
    }
    for (const Placed& noun : draft.nouns) {
        const std::string_view field = field_of_noun(noun.value);
        if (!field.empty() && asked(noun)) {
            add_once(query.groups, field);
            return;
        }
    }
}

bool is_singular(const Draft& draft, std::string_view subject) {
    return std::any_of(draft.nouns.begin(), draft.nouns.end(), [&](const Placed& noun) {
        return noun.value == subject && !draft.reading.words[noun.end - 1].text.ends_with('s');
    });
}

bool is_state_of(std::string_view value, std::string_view noun) {
    return (value == "overdue" || value == "disputed" || value == "outstanding") &&
           (noun == "invoices" || noun == "vendor_invoices");
}

// "overdue invoices" in a list or a count: a filter, no metric of its own.
void turn_metrics_into_states(Draft& draft) {
    const auto noun = std::find_if(draft.nouns.begin(), draft.nouns.end(), [](const Placed& one) {
        return one.value == "invoices" || one.value == "vendor_invoices";
    });
    if (noun == draft.nouns.end() || (draft.amount && !draft.count) || draft.average) {
        return;
    }
    for (auto it = draft.metrics.begin(); it != draft.metrics.end();) {
        if (is_state_of(it->value, noun->value)) {
            Placed state = *it;
            state.value = it->value == "outstanding" ? "open" : it->value;
            draft.states.push_back(state);
            it = draft.metrics.erase(it);
        } else {
            ++it;
        }
    }
}

void set_order(const Draft& draft, QueryIntent& query) {
    if (draft.superlative() || draft.top) {
        query.order = draft.least ? "asc" : "desc";
        query.superlative = true;
        query.limit = draft.limit;
    } else if (draft.limit > 0) {
        query.limit = draft.limit;
    }
}

// The nouns that are asked for: "project" beside another table only says where.
std::vector<std::string_view> wanted_nouns(const Draft& draft) {
    std::vector<std::string_view> wanted;
    for (const Placed& noun : draft.nouns) {
        const bool place =
            (noun.value == "projects" || noun.value == "vendors") && draft.nouns.size() > 1 &&
            std::any_of(draft.nouns.begin(), draft.nouns.end(), [&](const Placed& other) {
                return other.value != "projects" && other.value != "vendors" &&
                       other.value != "crews";
            });
        if (!place && std::find(wanted.begin(), wanted.end(), noun.value) == wanted.end()) {
            wanted.push_back(noun.value);
        }
    }
    return wanted;
}

bool decide_list(const Draft& draft, const std::vector<std::string_view>& nouns,
                 QueryIntent& query) {
    if (nouns.empty()) {
        return false;
    }
    query.subject = nouns.front();
    query.limit = draft.limit;
    if (draft.newest || draft.oldest) {
        query.order = draft.newest ? "newest" : "oldest";
    } else if (draft.superlative() || draft.top) {
        set_order(draft, query);
        const bool one = draft.most && !draft.top && is_singular(draft, nouns.front());
        if (query.limit == 0) {
            query.limit = one ? 1 : 5;
        }
    }
    query.mode = "list";
    return true;
}

bool decide_attributes(const Draft& draft, QueryIntent& query) {
    const bool project = draft.about_projects();
    for (const Placed& attribute : draft.attributes) {
        const bool vendors =
            find_vendor_attribute(attribute.value) != nullptr && (draft.vendor_named || !project);
        if (draft.vendor_named && vendors) {
            query.attribute_of = "vendor";
            add_once(query.attributes, attribute.value);
        } else if (find_project_attribute(attribute.value) != nullptr) {
            query.attribute_of = "project";
            add_once(query.attributes, attribute.value);
        }
    }
    for (const Placed& thing : draft.things) {
        const std::string label = field_label(thing.value);
        const bool vendor = draft.vendor_named && find_vendor_attribute(label) != nullptr;
        if (vendor || find_project_attribute(label) != nullptr) {
            query.attribute_of = vendor ? "vendor" : "project";
            add_once(query.attributes, label);
        }
    }
    if (std::find(query.attributes.begin(), query.attributes.end(), "City") !=
        query.attributes.end()) {
        add_once(query.attributes, "State");
    }
    return !query.attributes.empty();
}

bool names_person(const Draft& draft) {
    return std::any_of(
        draft.reading.spans.begin(), draft.reading.spans.end(), [](const Span& span) {
            return span.term != nullptr &&
                   (span.term->field == kFieldManager || span.term->field == kFieldSuperintendent);
        });
}

// Which date of a project a time refers to: "projects finishing this year".
void set_time_field(const Draft& draft, QueryIntent& query) {
    if (subject_of(query) != "projects" && subject_of(query) != "financials") {
        return;
    }
    for (const Placed& attribute : draft.attributes) {
        if (attribute.value == "End" || attribute.value == "Start") {
            query.time_field = attribute.value == "End" ? "end" : "start";
        }
    }
    for (const Placed& state : draft.states) {
        if (state.value == "completed" && query.time_field.empty()) {
            query.time_field = "end";
        }
    }
}

} // namespace

std::string_view subject_of(const QueryIntent& query) {
    if (!query.metrics.empty()) {
        const Metric* metric = find_metric(query.metrics.front());
        return metric != nullptr ? metric->subject : "";
    }
    if (query.mode == "list") {
        return query.subject;
    }
    return query.mode == "attributes" && query.attribute_of == "vendor" ? "vendors" : "projects";
}

void decide_mode(Draft& draft, QueryIntent& query) {
    turn_metrics_into_states(draft);
    const std::vector<std::string_view> nouns = wanted_nouns(draft);
    query.groups = draft.groups;
    if (draft.average) {
        query.aggregate = "avg";
    }
    const bool plural_projects =
        std::any_of(draft.nouns.begin(), draft.nouns.end(), [&](const Placed& noun) {
            return noun.value == "projects" && draft.reading.words[noun.at].text.ends_with('s');
        });
    const bool attributes_first = draft.metrics.empty() && !draft.count && !draft.average &&
                                  !plural_projects && (draft.projects > 0 || draft.vendor_named) &&
                                  !draft.attributes.empty();
    if (draft.over_budget) {
        query.mode = "list";
        query.subject = "financials";
        return;
    }
    if (draft.insurance_expired) {
        query.mode = "list";
        query.subject = "vendors";
        return;
    }
    if (attributes_first && decide_attributes(draft, query)) {
        query.mode = "attributes";
    } else if (draft.overview && draft.about_projects() && draft.metrics.empty() && nouns.empty()) {
        query.mode = "overview";
    } else if (draft.has_metric("rating") && draft.has_noun("vendors") && !draft.average) {
        decide_list(draft, {"vendors"}, query);
    } else if (decide_counting(draft, query) || decide_totals(draft, nouns, query) ||
               decide_ranking(draft, nouns, query)) {
        query.mode = "totals";
        add_asked_things(draft, query);
        set_order(draft, query);
    } else if (decide_list(draft, nouns, query)) {
        query.mode = "list";
    } else if ((draft.about_projects() || draft.vendor_named) && decide_attributes(draft, query)) {
        query.mode = "attributes";
    } else if (names_person(draft)) {
        query.mode = "list"; // "Who is Elena Marsh?": what she is to the projects
        query.subject = "projects";
    }
    prefer_vendor_side(draft, query);
    if (query.mode == "totals" && draft.trend && query.groups.empty()) {
        query.groups = {"quarter"};
    }
    set_time_field(draft, query);
}

} // namespace mr::local
