#include "worker/voice/pocketsphinx/question_sentences.h"

#include "worker/voice/pocketsphinx/question_templates.h"

#include <algorithm>
#include <map>
#include <span>
#include <string_view>

namespace mr::voice {
namespace {

// Names that each wording of a template is filled with; the next wording takes the next ones, so
// that every name stands behind many words without the product of all.
constexpr size_t kNamesPerWording = 6;

using Lists = std::map<std::string_view, std::vector<std::string>, std::less<>>;

std::vector<std::string> spoken(const std::vector<std::string>& names) {
    std::vector<std::string> forms;
    for (const std::string& name : names) {
        std::string form = spoken_form(name);
        if (form.starts_with("the ")) { // the templates bring their own
            form.erase(0, 4);
        }
        if (!form.empty()) {
            forms.push_back(std::move(form));
        }
    }
    return forms;
}

std::string joined(std::string_view a, std::string_view b) {
    std::string both(a);
    both += a.empty() || b.empty() ? "" : " ";
    both += b;
    return both;
}

// The wordings of a template: (a|b|) are alternatives, {list} is left as it is.
std::vector<std::string> wordings(std::string_view text) {
    const size_t open = text.find('(');
    if (open == std::string_view::npos) {
        return {std::string(text)};
    }
    const size_t close = text.find(')', open);
    std::string_view choices = text.substr(open + 1, close - open - 1);
    std::string_view before = text.substr(0, open);
    before.remove_suffix(before.empty() || before.back() != ' ' ? 0 : 1);
    std::string_view after = text.substr(close + 1);
    after.remove_prefix(after.empty() || after.front() != ' ' ? 0 : 1);
    const std::vector<std::string> ends = wordings(after);
    std::vector<std::string> all;
    for (;;) {
        const size_t bar = std::min(choices.find('|'), choices.size());
        const std::string start = joined(before, choices.substr(0, bar));
        for (const std::string& end : ends) {
            all.push_back(joined(start, end));
        }
        if (bar == choices.size()) {
            return all;
        }
        choices.remove_prefix(bar + 1);
    }
}

// Puts the next names of the lists in; false when a list is empty or unknown.
bool fill(std::string& sentence, const Lists& lists, std::map<std::string, size_t>& turns) {
    for (size_t open = sentence.find('{'); open != std::string::npos; open = sentence.find('{')) {
        const size_t close = sentence.find('}', open);
        const std::string slot = sentence.substr(open + 1, close - open - 1);
        const auto list = lists.find(slot);
        if (list == lists.end() || list->second.empty()) {
            return false;
        }
        const std::string& name = list->second[turns[slot]++ % list->second.size()];
        sentence.replace(open, close - open + 1, name);
    }
    return true;
}

} // namespace

std::vector<std::string> question_sentences(const SpeechNames& names) {
    Lists lists;
    lists["project"] = spoken(names.projects);
    lists["company"] = spoken(names.companies);
    lists["person"] = spoken(names.people);
    lists["place"] = spoken(names.places);
    lists["trade"] = spoken(names.trades);
    for (const SpokenList& list : kSpokenLists) {
        lists[list.name] = wordings(list.choices);
    }
    std::map<std::string, size_t> turns;
    std::vector<std::string> sentences;
    for (const std::string_view question : kSpokenQuestions) {
        for (const std::string& wording : wordings(question)) {
            const size_t times = wording.find('{') == std::string::npos ? 1 : kNamesPerWording;
            for (size_t i = 0; i < times && sentences.size() < kMaxSentences; ++i) {
                std::string sentence = wording;
                if (fill(sentence, lists, turns)) {
                    sentences.push_back(std::move(sentence));
                }
            }
        }
    }
    return sentences;
}

std::vector<std::string> likely_texts(const SpeechNames& names) {
    std::vector<std::string> texts = question_sentences(names);
    for (std::string& text : texts) {
        text = written_years(text);
    }
    for (const std::string& phrase : likely_phrases(names)) {
        texts.push_back(phrase);
    }
    return texts;
}

} // namespace mr::voice
