#include "worker/providers/local/intent_parser.h"

#include "worker/providers/local/follow_up.h"
#include "worker/providers/local/intent_draft.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace mr::local {
namespace {

std::vector<bool> taken_words(const Reading& reading, const std::vector<FoundTime>& times) {
    std::vector<bool> taken(reading.words.size(), false);
    for (const Span& span : reading.spans) {
        std::fill(taken.begin() + static_cast<std::ptrdiff_t>(span.first),
                  taken.begin() + static_cast<std::ptrdiff_t>(span.last), true);
    }
    for (const FoundTime& time : times) {
        std::fill(taken.begin() + static_cast<std::ptrdiff_t>(time.first),
                  taken.begin() + static_cast<std::ptrdiff_t>(time.last), true);
    }
    return taken;
}

// Two times of one question are periods to compare; one with "compared with" stands against now.
void set_times(const Draft& draft, const Vocabulary& vocabulary, QueryIntent& query) {
    for (const FoundTime& time : draft.times) {
        if (std::find(query.times.begin(), query.times.end(), time.range) == query.times.end()) {
            query.times.push_back(time.range);
        }
    }
    if (query.mode != "totals") {
        if (query.times.size() > 1) {
            query.times.resize(1);
        }
        return;
    }
    const int this_year = year_of(vocabulary.today);
    if (draft.compare_years && query.times.empty()) {
        query.times = {year_range(this_year - 1, vocabulary.today),
                       year_range(this_year, vocabulary.today)};
    } else if (draft.compare && query.times.size() == 1 && draft.projects < 2 &&
               query.groups.empty()) {
        query.times.push_back(year_range(this_year, vocabulary.today));
        if (query.times[0] == query.times[1]) {
            query.times[0] = year_range(this_year - 1, vocabulary.today);
        }
    }
    query.compare = query.times.size() > 1;
    std::sort(query.times.begin(), query.times.end(),
              [](const TimeRange& a, const TimeRange& b) { return a.from < b.from; });
}

std::vector<std::string> leftover_words(const Understanding& understood,
                                        const std::vector<bool>& taken) {
    std::vector<std::string> words;
    for (std::size_t i = 0; i < understood.reading.words.size(); ++i) {
        const Word& word = understood.reading.words[i];
        const bool in_cue =
            std::any_of(understood.cues.begin(), understood.cues.end(),
                        [i](const FoundCue& cue) { return cue.first <= i && i < cue.last; });
        const bool number = std::isdigit(static_cast<unsigned char>(word.text.front())) != 0;
        if (!taken[i] && !in_cue && !number && word.text.size() > 2 && !is_stop_word(word.text)) {
            words.push_back(word.text);
        }
    }
    return words;
}

bool names_field(const Reading& reading, std::string_view field) {
    return std::any_of(reading.spans.begin(), reading.spans.end(), [&](const Span& span) {
        return span.term != nullptr && span.term->field == field;
    });
}

void judge_tools(Understanding& understood, const Draft& draft) {
    const bool contact_of_client =
        !draft.vendor_named &&
        std::any_of(draft.attributes.begin(), draft.attributes.end(), [](const Placed& one) {
            return one.value == "Contact" || one.value == "Email";
        });
    const bool crm_name = names_field(understood.reading, kFieldCompany) ||
                          names_field(understood.reading, kFieldContact);
    const bool client_alone =
        names_field(understood.reading, kFieldClient) && understood.query.empty();
    understood.wants_crm =
        understood.has(Cue::crm) || contact_of_client || crm_name || client_alone;
    understood.wants_documents = understood.has(Cue::document);
    if (understood.has(Cue::document) && understood.query.mode == "attributes") {
        understood.query = QueryIntent{};
    }
    // "List the open deals", "top 5 prospects": the CRM has rows of its own.
    const bool crm_only = understood.has(Cue::crm) && draft.metrics.empty() && draft.nouns.empty();
    if (crm_only && !understood.query.empty()) {
        understood.query = QueryIntent{};
    }
    const bool talk = understood.has(Cue::small_talk) || understood.has(Cue::today);
    if (talk && understood.query.empty() && !understood.wants_crm && !understood.wants_documents &&
        draft.projects == 0 && understood.leftover.size() <= 2) {
        for (const FoundCue& cue : understood.cues) {
            if (cue.cue == Cue::small_talk) {
                understood.small_talk = cue.value;
            } else if (cue.cue == Cue::today) {
                understood.small_talk = "today";
            }
        }
        return;
    }
    if (draft.vendor_named && !crm_name && !names_field(understood.reading, kFieldClient) &&
        understood.has(Cue::crm)) {
        understood.wants_crm = false; // vendors are not in the CRM: their contacts are attributes
        understood.query.mode = "attributes";
        understood.query.attribute_of = "vendor";
        understood.query.attributes = {"Contact", "Email"};
        understood.query.filters.clear();
        add_filters(draft, understood.query);
        return;
    }
    const bool names_something =
        !understood.leftover.empty() || !draft.things.empty() || !draft.states.empty() ||
        std::any_of(understood.reading.spans.begin(), understood.reading.spans.end(),
                    [](const Span& span) { return span.term != nullptr; });
    if (understood.query.empty() && !understood.wants_crm && names_something) {
        understood.wants_documents = true;
    }
}

// "Delete all invoices", "approve CO-14": nothing here changes anything.
bool is_command(const Understanding& understood) {
    static constexpr auto kVerbs = std::to_array<std::string_view>(
        {"delete", "remove", "drop", "erase", "update", "insert", "approve", "reject", "cancel",
         "pay", "rename", "edit", "modify"});
    const auto& words = understood.reading.words;
    if (words.empty()) {
        return false;
    }
    const std::size_t first = words.front().text == "please" && words.size() > 1 ? 1 : 0;
    return std::find(kVerbs.begin(), kVerbs.end(), words[first].text) != kVerbs.end();
}

} // namespace

bool Understanding::has(Cue cue) const noexcept {
    return std::any_of(cues.begin(), cues.end(),
                       [cue](const FoundCue& found) { return found.cue == cue; });
}

Understanding understand(std::string_view text, const Conversation& before,
                         const Vocabulary& vocabulary) {
    Understanding understood;
    understood.reading = read_question(text, vocabulary);
    const Reading& reading = understood.reading;
    const std::vector<FoundTime> times = find_times(reading.words, vocabulary.today);
    std::vector<bool> taken = taken_words(reading, times);
    const std::vector<Bound> bounds = find_bounds(reading.words, taken);
    for (const Bound& bound : bounds) {
        std::fill(taken.begin() + static_cast<std::ptrdiff_t>(bound.first),
                  taken.begin() + static_cast<std::ptrdiff_t>(bound.last), true);
    }
    understood.cues = find_cues(reading, taken);
    understood.leftover = leftover_words(understood, taken);
    understood.everything = understood.has(Cue::everything);

    const bool names_project = std::any_of(reading.spans.begin(), reading.spans.end(),
                                           [](const Span& span) { return span.project; });
    const bool carried = !names_project && !before.projects.empty() && !understood.everything &&
                         (opens_as_follow_up(understood) || understood.has(Cue::reference));
    Draft draft = make_draft(reading, understood.cues, times, bounds, vocabulary, carried);
    understood.project_names = draft.projects;
    decide_mode(draft, understood.query);
    if (!understood.query.empty()) {
        add_filters(draft, understood.query);
        set_times(draft, vocabulary, understood.query);
        understood.query.chart = draft.chart;
    }
    judge_tools(understood, draft);
    apply_conversation(understood, draft, before);
    if (is_command(understood)) {
        understood.query = QueryIntent{};
        understood.wants_documents = false;
        understood.wants_crm = false;
        understood.small_talk = "read_only";
        return understood;
    }
    // A project and nothing else known about it: its overview.
    const bool bare = understood.query.empty() && draft.projects > 0 && !understood.wants_crm &&
                      !understood.wants_documents && understood.leftover.empty();
    if (bare) {
        understood.query.mode = "overview";
    }
    return understood;
}

Conversation conversation_of(const Question& question, const Vocabulary& vocabulary) {
    Conversation conversation;
    for (auto message = question.history.rbegin(); message != question.history.rend(); ++message) {
        if (!message->memory.is_object()) {
            continue;
        }
        try {
            for (const auto& project : message->memory.value("projects", nlohmann::json::array())) {
                conversation.projects.push_back(project.value("name", ""));
            }
            if (message->memory.contains("query") && message->memory["query"].contains("intent")) {
                message->memory["query"]["intent"].get_to(conversation.query);
            }
            conversation.documents = message->memory.value("documents", "");
            conversation.crm = message->memory.value("crm", "");
        } catch (const nlohmann::json::exception&) {
            conversation = Conversation{}; // a memory of someone else's making
        }
        return conversation;
    }
    // No memory came with the history: the questions themselves tell the same.
    for (const HistoryMessage& message : question.history) {
        if (message.role != "user") {
            continue;
        }
        const Understanding understood = understand(message.content, conversation, vocabulary);
        if (!understood.small_talk.empty()) {
            continue; // "thanks" ends no thread
        }
        if (!leans_on_projects(understood, conversation)) {
            conversation.projects.clear();
        }
        for (const Span& span : understood.reading.spans) {
            const auto found =
                span.project
                    ? find_projects(understood.reading.surface(span.first, span.last), vocabulary)
                    : std::vector<ScoredProject>{};
            if (!found.empty()) {
                conversation.projects.push_back(vocabulary.projects[found.front().project].name);
            }
        }
        if (!understood.query.empty()) {
            conversation.query = understood.query;
        }
        conversation.documents = understood.wants_documents ? message.content : "";
        conversation.crm = understood.wants_crm ? message.content : "";
    }
    return conversation;
}

} // namespace mr::local
