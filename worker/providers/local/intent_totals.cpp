// Which figures a question asks for: sums, counts, averages, rankings.
#include "worker/providers/local/intent_totals.h"

#include <algorithm>
#include <utility>

namespace mr::local {
namespace {

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

bool follows_how_many(const Draft& draft, std::string_view subject) {
    constexpr std::size_t kAdjectives = 2;
    return std::any_of(draft.nouns.begin(), draft.nouns.end(), [&](const Placed& noun) {
        const bool near = noun.at >= draft.count_end && noun.at - draft.count_end <= kAdjectives;
        const bool metric_between =
            std::any_of(draft.metrics.begin(), draft.metrics.end(), [&](const Placed& metric) {
                return metric.at >= draft.count_end && metric.at < noun.at;
            });
        return noun.value == subject && near && !metric_between;
    });
}

} // namespace

void add_once(std::vector<std::string>& list, std::string_view value) {
    if (std::find(list.begin(), list.end(), value) == list.end()) {
        list.emplace_back(value);
    }
}

// The field that a table's noun stands for when something is counted per one of them.
std::string_view field_of_noun(std::string_view noun) {
    return noun == "projects"  ? "project"
           : noun == "vendors" ? "vendor"
           : noun == "crews"   ? "crew"
                               : "";
}

bool decide_totals(const Draft& draft, const std::vector<std::string_view>& nouns,
                   QueryIntent& query) {
    for (const Placed& metric : draft.metrics) {
        add_once(query.metrics, metric.value);
    }
    if (draft.count) {
        for (const std::string_view noun : nouns) {
            const auto metric = count_metric(noun);
            // "how many hours did our crews work" counts no crews
            if (!metric.empty() && (draft.metrics.empty() || follows_how_many(draft, noun))) {
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
    const bool part_of_invoiced =
        std::any_of(query.metrics.begin(), query.metrics.end(), [](const std::string& metric) {
            return metric == "overdue" || metric == "outstanding" || metric == "disputed" ||
                   metric == "received";
        });
    if (draft.share && part_of_invoiced) { // the whole beside the part
        std::erase(query.metrics, "invoiced");
        query.metrics.insert(query.metrics.begin(), "invoiced");
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

} // namespace mr::local
