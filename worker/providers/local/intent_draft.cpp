#include "worker/providers/local/intent_draft.h"

#include "worker/providers/local/intent_totals.h"

#include <algorithm>
#include <array>

namespace mr::local {
namespace {

bool grouping_word(std::string_view word) {
    return word == "by" || word == "per" || word == "each" || word == "every" || word == "across";
}

// "by month", "per project", "for each client", "by the month".
bool behind_grouping_word(const Reading& reading, std::size_t at) {
    std::size_t before = at;
    while (before > 0 && (reading.words[before - 1].text == "the" ||
                          reading.words[before - 1].text == "project")) {
        --before;
    }
    return before > 0 && grouping_word(reading.words[before - 1].text);
}

// "the Harbor Point project", "on the project": says where, asks for nothing.
bool only_says_where(const Draft& draft, const Placed& noun) {
    if (noun.value != "projects" || draft.reading.words[noun.at].text.ends_with('s')) {
        return false;
    }
    return !(draft.which || draft.superlative() || draft.top || draft.count || draft.newest ||
             draft.oldest) ||
           draft.projects > 0;
}

struct Flag {
    Cue cue;
    bool Draft::* set;
};
constexpr Flag kFlags[] = {
    {Cue::count, &Draft::count},
    {Cue::amount, &Draft::amount},
    {Cue::average, &Draft::average},
    {Cue::most, &Draft::most},
    {Cue::least, &Draft::least},
    {Cue::newest, &Draft::newest},
    {Cue::oldest, &Draft::oldest},
    {Cue::top, &Draft::top},
    {Cue::list, &Draft::list},
    {Cue::which, &Draft::which},
    {Cue::compare, &Draft::compare},
    {Cue::share, &Draft::share},
    {Cue::share, &Draft::amount},
    {Cue::trend, &Draft::trend},
    {Cue::overview, &Draft::overview},
    {Cue::over_budget, &Draft::over_budget},
    {Cue::insurance_expired, &Draft::insurance_expired},
};

void add_flag(Draft& draft, const FoundCue& cue) {
    for (const Flag& flag : kFlags) {
        if (flag.cue == cue.cue) {
            draft.*flag.set = true;
        }
    }
    if (cue.cue == Cue::count) {
        draft.count_end = cue.last;
    } else if (cue.cue == Cue::which) {
        draft.which_ends.push_back(cue.last);
    } else if (cue.cue == Cue::compare && cue.value == "years") {
        draft.compare_years = true;
    } else if (cue.cue == Cue::chart && draft.chart.size() < cue.value.size()) {
        draft.chart = cue.value;
    }
}

void add_placed(Draft& draft, const FoundCue& cue) {
    const Placed placed{cue.value, cue.first, cue.last};
    const bool grouped = behind_grouping_word(draft.reading, cue.first);
    const std::string_view noun_field = cue.cue == Cue::noun ? field_of_noun(cue.value) : "";
    if (cue.cue == Cue::group || (grouped && cue.cue == Cue::thing) ||
        (grouped && !noun_field.empty())) {
        std::string_view field = cue.cue == Cue::noun ? noun_field : cue.value;
        if (std::find(draft.groups.begin(), draft.groups.end(), field) == draft.groups.end()) {
            draft.groups.emplace_back(field);
        }
    } else if (cue.cue == Cue::metric) {
        draft.metrics.push_back(placed);
        // "Which vendors cost us the most": the cue "vendor cost" has swallowed the noun.
        const Word& word = draft.reading.words[cue.first];
        if (cue.value == "vendor_cost" && word.stem != "cost" && word.text.ends_with('s')) {
            const bool noun = word.stem == "vendor" || word.stem == "subcontractor";
            if (noun && draft.reading.words[cue.last - 1].stem == "cost") {
                draft.nouns.push_back({"vendors", cue.first, cue.first + 1});
            }
        }
    } else if (cue.cue == Cue::noun) {
        draft.nouns.push_back(placed);
    } else if (cue.cue == Cue::thing) {
        draft.things.push_back(placed);
    } else if (cue.cue == Cue::state) {
        draft.states.push_back(placed);
    } else if (cue.cue == Cue::type) {
        draft.types.push_back(placed);
    } else if (cue.cue == Cue::attribute && cue.value == "Client" && draft.projects == 0) {
        draft.things.push_back({"client", cue.first, cue.last}); // "who is the client with ..."
    } else if (cue.cue == Cue::attribute) {
        draft.attributes.push_back(placed);
    }
}

// "top 5", "5 largest", "the last 3 invoices", "3 most expensive".
void add_limit(Draft& draft, const std::vector<FoundCue>& cues,
               const std::vector<FoundTime>& times) {
    constexpr int kMaxWish = 100;
    const auto& words = draft.reading.words;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const int number = small_number(words[i].text);
        const bool in_time = std::any_of(times.begin(), times.end(), [i](const FoundTime& time) {
            return time.first <= i && i < time.last;
        });
        const bool in_bound =
            std::any_of(draft.bounds.begin(), draft.bounds.end(),
                        [i](const Bound& bound) { return bound.first <= i && i < bound.last; });
        if (number == 0 || number > kMaxWish || in_time || in_bound || draft.reading.covered(i)) {
            continue;
        }
        const auto cue_at = [&](std::size_t word, Cue wanted) {
            return std::any_of(cues.begin(), cues.end(), [&](const FoundCue& cue) {
                return cue.cue == wanted && cue.first <= word && word < cue.last;
            });
        };
        const bool behind = i > 0 && (cue_at(i - 1, Cue::top) || cue_at(i - 1, Cue::newest) ||
                                      cue_at(i - 1, Cue::oldest));
        const bool ahead = cue_at(i + 1, Cue::most) || cue_at(i + 1, Cue::least) ||
                           cue_at(i + 1, Cue::newest) || cue_at(i + 1, Cue::oldest);
        const bool last = i > 0 && (words[i - 1].text == "last" || words[i - 1].text == "first");
        if (behind || ahead || last) {
            draft.limit = number;
            draft.newest = draft.newest || (last && words[i - 1].text == "last");
        }
    }
}

// "the last inspection", "the next crane inspection".
void add_next_and_last(Draft& draft, const std::vector<FoundTime>& times) {
    const auto& words = draft.reading.words;
    for (const Placed& noun : draft.nouns) {
        for (std::size_t back = 1; back <= 2 && back <= noun.at; ++back) {
            const std::size_t at = noun.at - back;
            const std::string& word = words[at].text;
            const bool in_time = std::any_of(times.begin(), times.end(), [at](const auto& time) {
                return time.first <= at && at < time.last;
            });
            if (in_time || (word != "last" && word != "next")) {
                continue;
            }
            const bool one = !words[noun.end - 1].text.ends_with('s');
            draft.limit = draft.limit == 0 && one ? 1 : draft.limit;
            draft.newest = draft.newest || word == "last";
            if (word == "next") {
                draft.oldest = true;
                const TimeRange future{draft.vocabulary.today, "", "from today on"};
                draft.times.push_back({future, at, at + 1});
            }
        }
    }
}

// "all projects", "how many schools", "which hospitals": projects, though the noun is not there.
void add_implied_projects(Draft& draft, const std::vector<FoundCue>& cues) {
    if (!draft.nouns.empty() || !draft.metrics.empty() || draft.projects > 0) {
        return;
    }
    for (const FoundCue& cue : cues) {
        if (cue.cue == Cue::everything && cue.value == "projects") {
            draft.nouns.push_back({"projects", cue.last - 1, cue.last});
            return;
        }
    }
    if (!draft.count && !draft.list && !draft.which) {
        return;
    }
    for (const Placed& type : draft.types) {
        draft.nouns.push_back({"projects", type.at, type.end});
        return;
    }
    for (const Span& span : draft.reading.spans) {
        if (span.term != nullptr && span.term->field == kFieldType &&
            draft.reading.words[span.first].text.ends_with('s')) {
            draft.nouns.push_back({"projects", span.first, span.last});
            return;
        }
    }
}

} // namespace

bool Draft::asked_by_which(std::size_t noun_at) const noexcept {
    constexpr std::size_t kAdjectives = 2;
    return std::any_of(which_ends.begin(), which_ends.end(), [&](std::size_t end) {
        return end <= noun_at && noun_at - end <= kAdjectives;
    });
}

bool Draft::has_noun(std::string_view subject) const noexcept {
    return std::any_of(nouns.begin(), nouns.end(),
                       [&](const Placed& noun) { return noun.value == subject; });
}

bool Draft::has_metric(std::string_view name) const noexcept {
    return std::any_of(metrics.begin(), metrics.end(),
                       [&](const Placed& metric) { return metric.value == name; });
}

Draft make_draft(const Reading& reading, const std::vector<FoundCue>& cues,
                 const std::vector<FoundTime>& times, const std::vector<Bound>& bounds,
                 const Vocabulary& vocabulary, bool carried) {
    Draft draft(reading, vocabulary);
    draft.carried = carried;
    draft.times = times;
    draft.bounds = bounds;
    for (const Span& span : reading.spans) {
        draft.projects += span.project ? 1U : 0U;
        draft.vendor_named =
            draft.vendor_named || (span.term != nullptr && span.term->field == kFieldVendor);
    }
    for (const FoundCue& cue : cues) {
        add_flag(draft, cue);
        add_placed(draft, cue);
    }
    add_limit(draft, cues, times);
    add_next_and_last(draft, times);
    add_implied_projects(draft, cues);
    std::erase_if(draft.nouns, [&](const Placed& noun) { return only_says_where(draft, noun); });
    return draft;
}

} // namespace mr::local
