// Decides what kind of query a question asks for.
#include "worker/providers/local/intent_draft.h"

#include <algorithm>

namespace mr::local {
namespace {

void add_once(std::vector<std::string>& list, std::string_view value) {
    if (std::find(list.begin(), list.end(), value) == list.end()) {
        list.emplace_back(value);
    }
}

// The table's money, with a state that changes the meaning: "total of open invoices".
std::string_view amount_metric(std::string_view noun, const Draft& draft) {
    const auto state = [&](std::string_view value) {
        return std::any_of(draft.states.begin(), draft.states.end(),
                           [&](const Placed& placed) { return placed.value == value; });
    };
    if (noun == "invoices") {
        return state("open") ? "outstanding" : state("paid") ? "received" : "invoiced";
    }
    if (noun == "vendor_invoices") {
        return state("open") ? "owed" : state("paid") ? "paid_to_vendors" : "vendor_cost";
    }
    if (noun == "change_orders") {
        return "co_amount";
    }
    if (noun == "bids") {
        return "bid_amount";
    }
    if (noun == "projects") {
        return "contract_value";
    }
    if (noun == "vendors") {
        return "vendor_cost";
    }
    return "";
}

std::string_view count_metric(std::string_view noun) {
    static constexpr std::pair<std::string_view, std::string_view> kCounts[] = {
        {"invoices", "invoice_count"},       {"vendor_invoices", "vendor_invoice_count"},
        {"change_orders", "co_count"},       {"bids", "bid_count"},
        {"inspections", "inspection_count"}, {"projects", "project_count"},
        {"vendors", "vendor_count"},         {"crews", "crew_count"},
    };
    for (const auto& [name, metric] : kCounts) {
        if (name == noun) {
            return metric;
        }
    }
    return "";
}

// The field that a table's noun stands for when something is counted per one of them.
std::string_view field_of_noun(std::string_view noun) {
    return noun == "projects"  ? "project"
           : noun == "vendors" ? "vendor"
           : noun == "crews"   ? "crew"
                               : "";
}

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
    const bool asked = ranked || draft.which || draft.list;
    if (!asked || draft.projects > 0) {
        return;
    }
    for (const Placed& thing : draft.things) {
        if (thing.value != "status" && thing.value != "month" && thing.value != "quarter" &&
            thing.value != "year") {
            add_once(query.groups, thing.value);
            return;
        }
        if (ranked) {
            add_once(query.groups, thing.value);
            return;
        }
    }
    for (const Placed& noun : draft.nouns) {
        const std::string_view field = field_of_noun(noun.value);
        const bool plural_or_asked = ranked || draft.which || draft.list;
        if (!field.empty() && plural_or_asked) {
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

bool decide_totals(const Draft& draft, const std::vector<std::string_view>& nouns,
                   QueryIntent& query) {
    for (const Placed& metric : draft.metrics) {
        add_once(query.metrics, metric.value);
    }
    if (draft.count) {
        for (const std::string_view noun : nouns) {
            if (const auto metric = count_metric(noun); !metric.empty()) {
                // "How many projects and crews": all of them; "vendors with bids": the first.
                add_once(query.metrics, metric);
                break;
            }
        }
    }
    const bool money = draft.amount || draft.average;
    if (money && (query.metrics.empty() || draft.metrics.empty())) {
        for (const std::string_view noun : nouns) {
            const auto metric = amount_metric(noun, draft);
            if (!metric.empty() && !(draft.count && noun == nouns.front() && !draft.amount)) {
                add_once(query.metrics, metric);
                break;
            }
        }
    }
    // "How many change orders are there and how much are they worth?"
    if (draft.count && draft.amount && query.metrics.size() == 1 && !nouns.empty()) {
        if (const auto metric = amount_metric(nouns.front(), draft); !metric.empty()) {
            add_once(query.metrics, metric);
        }
    }
    return !query.metrics.empty();
}

// "Which client is the biggest?", "the busiest crew", "the most common reason for change orders".
bool decide_ranking(const Draft& draft, const std::vector<std::string_view>& nouns,
                    QueryIntent& query) {
    const bool ranked = draft.superlative() || draft.top;
    const bool grouped = !query.groups.empty();
    if (!ranked && !grouped) {
        return false;
    }
    std::string_view field;
    for (const Placed& thing : draft.things) {
        field = thing.value;
        break;
    }
    if (field.empty() && grouped) {
        field = query.groups.front();
    }
    const std::string_view noun = nouns.empty() ? "" : nouns.front();
    std::string_view metric;
    if (!field.empty() && !noun.empty()) {
        metric = count_metric(noun);
    } else if (field == "client" || field == "manager" || field == "city" || field == "type") {
        metric = "contract_value";
    } else if (field == "trade") {
        metric = "vendor_cost";
    } else if (field == "reason") {
        metric = "co_count";
    } else if (field == "inspector" || field == "inspection_kind" || field == "result") {
        metric = "inspection_count";
    } else if (noun == "vendors" && ranked) {
        metric = "vendor_cost";
        field = "vendor";
    } else if (noun == "crews" && ranked) {
        metric = "hours";
        field = "crew";
    }
    if (metric.empty() || field.empty()) {
        return false;
    }
    query.metrics = {std::string(metric)};
    // "invoices per quarter", "change orders by reason": how many, and how much.
    const std::string_view money = ranked || noun.empty() ? "" : amount_metric(noun, draft);
    if (!money.empty() && money != metric && noun != "projects" && noun != "vendors") {
        query.metrics.insert(query.metrics.begin(), std::string(money));
    }
    if (!grouped) {
        query.groups = {std::string(field)};
    }
    return true;
}

// "Which project has the most change orders?", "projects with more than 3 failed inspections".
bool decide_counting(const Draft& draft, QueryIntent& query) {
    constexpr double kLargestCount = 1000; // above it, a bound is an amount
    std::string_view field;
    std::string_view counted;
    for (const Placed& noun : draft.nouns) {
        const std::string_view place = field_of_noun(noun.value);
        (place.empty() ? counted : field) = place.empty() ? noun.value : place;
    }
    for (const Placed& thing : draft.things) {
        field = field.empty() ? thing.value : field;
    }
    const bool most =
        std::any_of(draft.reading.words.begin(), draft.reading.words.end(), [](const Word& word) {
            return word.text == "most" || word.text == "fewest" || word.text == "least";
        });
    const bool bounded = !draft.bounds.empty() && draft.bounds.front().value < kLargestCount;
    const std::string_view metric = count_metric(counted);
    if (!draft.metrics.empty() || field.empty() || metric.empty() || draft.count || draft.amount ||
        (!(most && draft.superlative()) && !bounded)) {
        return false;
    }
    query.metrics = {std::string(metric)};
    if (query.groups.empty()) {
        query.groups = {std::string(field)};
    }
    return true;
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
    const bool project = draft.projects > 0;
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
    } else if (draft.overview && draft.projects > 0 && draft.metrics.empty() && nouns.empty()) {
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
    } else if ((draft.projects > 0 || draft.vendor_named) && decide_attributes(draft, query)) {
        query.mode = "attributes";
    }
    prefer_vendor_side(draft, query);
    if (query.mode == "totals" && draft.trend && query.groups.empty()) {
        query.groups = {"quarter"};
    }
    set_time_field(draft, query);
}

} // namespace mr::local
