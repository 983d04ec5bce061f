#include "worker/providers/local/follow_up.h"

#include <algorithm>

namespace mr::local {
namespace {} // namespace

bool opens_as_follow_up(const Understanding& understood) {
    if (understood.reading.words.empty()) {
        return false;
    }
    const std::string& first = understood.reading.words.front().text;
    return first == "and" || first == "also" || first == "then" || first == "but" ||
           first == "now" || first == "or" || understood.has(Cue::follow);
}

namespace {

// States an invoice can be in that are metrics as well: "which of those are overdue?"
bool state_like(const std::string& metric) {
    return metric == "overdue" || metric == "disputed" || metric == "outstanding";
}

void replace_filters(QueryIntent& query, const std::vector<Filter>& news) {
    for (const Filter& filter : news) {
        std::erase_if(query.filters, [&](const Filter& old) { return old.field == filter.field; });
    }
    query.filters.insert(query.filters.end(), news.begin(), news.end());
}

void compare_with(QueryIntent& query, const Draft& draft) {
    const std::string& today = draft.vocabulary.today;
    const TimeRange said =
        draft.times.empty() ? year_range(year_of(today) - 1, today) : draft.times.front().range;
    TimeRange base = year_range(year_of(today), today);
    if (query.times.size() == 1) {
        base = query.times.front();
    }
    TimeRange other = said;
    const bool last_year = said == year_range(year_of(today) - 1, today);
    if (query.times.size() == 1 && last_year) {
        other = year_before(base, today); // "Q2 2025 ... compared with last year": Q2 2024
    }
    if (other == base) {
        base = year_range(year_of(today), today);
    }
    query.times = {other, base};
    std::sort(query.times.begin(), query.times.end(),
              [](const TimeRange& a, const TimeRange& b) { return a.from < b.from; });
    query.compare = true;
    const auto in_time = [](const std::string& group) {
        return group == "month" || group == "quarter" || group == "year" || group == "period";
    };
    std::erase_if(query.groups, in_time);
}

// The query before, changed in what the present question says.
QueryIntent changed(const QueryIntent& before, const Understanding& understood,
                    const Draft& draft) {
    QueryIntent query = before;
    query.chart = draft.chart;
    if (!draft.groups.empty() && query.mode == "totals") {
        query.groups = draft.groups;
    } else if (query.mode == "totals" && draft.trend) {
        query.groups = {"quarter"};
    }
    if (draft.compare && query.mode == "totals" && draft.projects < 2) {
        compare_with(query, draft);
    } else if (!draft.times.empty()) {
        query.times = {draft.times.front().range};
        query.compare = false;
        for (std::size_t i = 1; i < draft.times.size() && query.mode == "totals"; ++i) {
            query.times.push_back(draft.times[i].range);
            query.compare = true;
        }
    } else if (!draft.groups.empty() && query.compare) {
        query.times.clear();
        query.compare = false;
    }
    QueryIntent filters;
    filters.mode = query.mode;
    filters.metrics = query.metrics;
    filters.subject = query.subject;
    filters.groups = query.groups;
    add_filters(draft, filters);
    replace_filters(query, filters.filters);
    if (draft.average) {
        query.aggregate = "avg";
    }
    if (draft.limit > 0) {
        query.limit = draft.limit;
    }
    if (draft.superlative() || draft.top) {
        query.order = draft.least ? "asc" : "desc";
        query.superlative = query.mode == "totals";
    }
    const bool rows_wanted =
        understood.has(Cue::enumerate) || (draft.list && understood.has(Cue::reference));
    if (rows_wanted && query.mode == "totals") {
        const Metric* metric = query.metrics.empty() ? nullptr : find_metric(query.metrics.front());
        query.mode = "list";
        query.subject = metric != nullptr ? metric->subject : "projects";
        if (metric != nullptr && state_like(query.metrics.front())) {
            replace_filters(query, {metric->name == "outstanding"
                                        ? Filter{"unpaid", "=", ""}
                                        : Filter{"status", "=", std::string(metric->name)}});
        }
        query.metrics.clear();
        query.groups.clear();
    }
    return query;
}

// "only the overdue ones", "which of those are disputed?" behind a list of invoices.
bool narrow_list(Understanding& understood, const Draft& draft, const Conversation& before) {
    const QueryIntent& now = understood.query;
    const bool invoices =
        before.query.mode == "list" &&
        (before.query.subject == "invoices" || before.query.subject == "vendor_invoices");
    const bool leaning = understood.has(Cue::reference) || understood.has(Cue::follow);
    if (!invoices || !leaning || draft.amount || now.mode != "totals" ||
        !std::all_of(now.metrics.begin(), now.metrics.end(), state_like)) {
        return false;
    }
    QueryIntent query = before.query;
    std::erase_if(query.filters, [](const Filter& filter) {
        return filter.field == "status" || filter.field == "unpaid";
    });
    for (const std::string& metric : now.metrics) {
        query.filters.push_back(metric == "outstanding" ? Filter{"unpaid", "=", ""}
                                                        : Filter{"status", "=", metric});
    }
    understood.query = std::move(query);
    understood.follow_up = true;
    return true;
}

// Says something about a query without being one: a time, a grouping, a state, a project, a chart.
bool is_fragment(const Understanding& understood, const Draft& draft) {
    const bool says_something =
        !draft.times.empty() || !draft.groups.empty() || !draft.states.empty() ||
        !draft.chart.empty() || !draft.bounds.empty() || draft.projects > 0 || draft.compare ||
        draft.limit > 0 || draft.average || draft.trend || draft.superlative() || draft.list ||
        understood.has(Cue::enumerate) || !understood.reading.spans.empty();
    const bool own_subject = !draft.metrics.empty() ||
                             (!draft.nouns.empty() && !understood.query.empty()) ||
                             !understood.query.attributes.empty() || draft.overview;
    return says_something && !own_subject && !understood.has(Cue::document) &&
           !understood.has(Cue::crm) && understood.small_talk.empty();
}

} // namespace

void apply_conversation(Understanding& understood, const Draft& draft, const Conversation& before) {
    if (narrow_list(understood, draft, before)) {
        return;
    }
    const bool opens = opens_as_follow_up(understood);
    understood.follow_up =
        opens || understood.has(Cue::reference) || understood.has(Cue::enumerate);
    if (!is_fragment(understood, draft)) {
        return;
    }
    const bool short_of_content = understood.leftover.size() <= 2 &&
                                  (opens || understood.follow_up || understood.leftover.empty());
    if (!short_of_content) {
        return;
    }
    if (!before.query.empty()) {
        understood.query = changed(before.query, understood, draft);
        understood.wants_documents = false;
        understood.wants_crm = false;
        understood.follow_up = true;
    } else if (!before.documents.empty()) {
        understood.query = QueryIntent{};
        understood.wants_documents = true;
        understood.follow_up = true;
    } else if (!before.crm.empty()) {
        understood.query = QueryIntent{};
        understood.wants_crm = true;
        understood.follow_up = true;
    }
}

bool leans_on_projects(const Understanding& understood, const Conversation& before) {
    if (understood.project_names > 0 || understood.everything || before.projects.empty() ||
        !understood.small_talk.empty()) {
        return false;
    }
    const QueryIntent& query = understood.query;
    const auto selects_projects = [](const Filter& filter) {
        return filter.field == "city" || filter.field == "client" || filter.field == "manager" ||
               filter.field == "type" || filter.field == "project_status" ||
               filter.field == "state";
    };
    const bool own_projects =
        std::any_of(query.filters.begin(), query.filters.end(), selects_projects) ||
        query.subject == "projects" || query.subject == "financials" ||
        (query.superlative && !query.groups.empty());
    return understood.follow_up && !own_projects;
}

} // namespace mr::local
