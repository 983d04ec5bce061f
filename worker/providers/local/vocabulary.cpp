#include "worker/providers/local/vocabulary.h"

#include "worker/providers/local/text.h"

#include <algorithm>
#include <map>
#include <utility>

namespace mr::local {
namespace {

struct TermSource {
    std::string_view field;
    const char* sql;
};
// In order of precedence: a client is also a CRM company, the more specific reading comes first.
constexpr TermSource kTermSources[] = {
    {kFieldVendor, "SELECT name FROM vendors"},
    {kFieldClient, "SELECT DISTINCT client FROM projects"},
    {kFieldCompany, "SELECT name FROM crm_companies"},
    {kFieldManager, "SELECT DISTINCT manager FROM projects"},
    {kFieldSuperintendent, "SELECT DISTINCT superintendent FROM projects"},
    {kFieldInspector, "SELECT DISTINCT inspector FROM inspections"},
    {kFieldOwner, "SELECT DISTINCT owner FROM crm_companies"},
    {kFieldContact, "SELECT DISTINCT name FROM crm_contacts"},
    {kFieldCrew, "SELECT name FROM crews"},
    {kFieldCity, "SELECT DISTINCT city FROM projects"},
    {kFieldTrade, "SELECT DISTINCT trade FROM vendors UNION SELECT DISTINCT trade FROM crews"},
    {kFieldInspectionKind, "SELECT DISTINCT kind FROM inspections"},
    {kFieldReason, "SELECT DISTINCT reason FROM change_orders"},
    {kFieldType, "SELECT DISTINCT type FROM projects"},
};

// Full names of the states the projects are in.
constexpr std::pair<std::string_view, std::string_view> kStates[] = {
    {"massachusetts", "MA"}, {"maine", "ME"},       {"new hampshire", "NH"}, {"vermont", "VT"},
    {"rhode island", "RI"},  {"connecticut", "CT"}, {"new york", "NY"},      {"new jersey", "NJ"},
};

std::vector<std::string> words_of(std::string_view name, bool without_the) {
    std::vector<std::string> words;
    for (Word& word : split_words(name)) {
        if (!(without_the && word.text == "the")) {
            words.push_back(std::move(word.text));
        }
    }
    return words;
}

void add_term(Vocabulary& vocabulary, std::string_view field, const std::string& value,
              std::vector<std::string> words) {
    if (!words.empty()) {
        vocabulary.terms.push_back({field, value, std::move(words)});
    }
}

// "Hartwell Concrete" is also called "Hartwell", as long as no other name begins so.
void add_first_words(Vocabulary& vocabulary) {
    std::map<std::string, int> uses;
    for (const Term& term : vocabulary.terms) {
        ++uses[term.words.front()];
    }
    for (const Alias& alias : vocabulary.aliases) {
        ++uses[alias.words.front()];
    }
    std::vector<Term> more;
    for (const Term& term : vocabulary.terms) {
        const bool organisation = term.field == kFieldVendor || term.field == kFieldClient;
        const std::string& first = term.words.front();
        // A client stands twice in the list, as a client and as a CRM company.
        const int own_uses = term.field == kFieldClient ? 2 : 1;
        if (organisation && term.words.size() > 1 && first.size() >= 5 && uses[first] == own_uses) {
            more.push_back({term.field, term.value, {first}});
        }
    }
    for (Term& term : more) {
        vocabulary.terms.push_back(std::move(term));
    }
}

// Terms of the same length stay in the order of kTermSources.
void sort_longest_first(std::vector<Term>& terms) {
    std::size_t longest = 0;
    for (const Term& term : terms) {
        longest = std::max(longest, term.words.size());
    }
    std::vector<Term> sorted;
    for (std::size_t size = longest; size > 0; --size) {
        for (Term& term : terms) {
            if (term.words.size() == size) { // 0 once moved from
                sorted.push_back(std::move(term));
                term.words.clear();
            }
        }
    }
    terms = std::move(sorted);
}

void load_projects(sqlite::Database& database, Vocabulary& vocabulary) {
    std::map<std::int64_t, std::size_t> place;
    auto projects = database.prepare("SELECT id, name, code, client FROM projects ORDER BY id");
    while (projects.step()) {
        place[projects.integer(0)] = vocabulary.projects.size();
        vocabulary.projects.push_back({projects.integer(0), std::string(projects.text(1)),
                                       std::string(projects.text(2)),
                                       std::string(projects.text(3))});
    }
    auto aliases = database.prepare(
        "SELECT project_id, alias, alias_kind FROM v_project_lookup "
        "WHERE alias_kind NOT IN ('client', 'place') ORDER BY project_id, alias_kind, alias");
    while (aliases.step()) {
        add_alias(vocabulary, place.at(aliases.integer(0)), std::string(aliases.text(1)),
                  std::string(aliases.text(2)));
    }
}

} // namespace

void add_alias(Vocabulary& vocabulary, std::size_t project, std::string alias, std::string kind) {
    std::vector<std::string> words = words_of(alias, true);
    if (!words.empty()) {
        vocabulary.aliases.push_back(
            {project, std::move(alias), std::move(kind), std::move(words)});
    }
}

Vocabulary load_vocabulary(sqlite::Database& database) {
    Vocabulary vocabulary;
    vocabulary.today = database.query_text("SELECT value FROM meta WHERE key = 'today'");
    vocabulary.company = database.query_text("SELECT value FROM meta WHERE key = 'company'");
    load_projects(database, vocabulary);
    for (const TermSource& source : kTermSources) {
        auto values = database.prepare(source.sql);
        while (values.step()) {
            add_term(vocabulary, source.field, std::string(values.text(0)),
                     words_of(values.text(0), false));
        }
    }
    for (const auto& [name, code] : kStates) {
        add_term(vocabulary, kFieldState, std::string(code), words_of(name, false));
    }
    add_first_words(vocabulary);
    sort_longest_first(vocabulary.terms);
    return vocabulary;
}

} // namespace mr::local
