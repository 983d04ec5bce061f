// Full-text search over the projects' documents: BM25 over title and body, the better the more of
// the asked words a document holds.
#include "worker/providers/local/embedded.h"
#include "worker/providers/local/intent_parser.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace mr::local {
namespace {

constexpr std::size_t kMaxTerms = 12;
constexpr int kMaxCandidates = 60;
constexpr std::size_t kMaxHits = 5;

struct DocumentQuery {
    std::vector<std::string> terms;
    std::string kind;
    std::optional<TimeRange> time;
    std::string words; // the question the terms are from: memory for follow-ups
};

// Words of a question that say how, not what, to look for.
bool is_search_word(std::string_view stem) {
    static constexpr auto kWords = std::to_array<std::string_view>(
        {"document",    "file",       "report",  "email",    "mail",     "find",      "search",
         "look",        "mention",    "note",    "minute",   "happened", "happen",    "anything",
         "know",        "project",    "job",     "there",    "written",  "write",     "wrote",
         "information", "info",       "detail",  "read",     "meeting",  "whole",     "cause",
         "caused",      "reason",     "need",    "want",     "like",     "submittal", "see",
         "regarding",   "concerning", "related", "question", "explain",  "describe",  "talk",
         "more",        "kind",       "went",    "wrong",    "problem",  "issue",     "contract",
         "say",         "says",       "trouble", "finding",  "last",     "latest",    "recent",
         "discuss",     "discussed",  "site",    "still",    "ever",     "got",       "been",
         "during",      "state"});
    return std::find(kWords.begin(), kWords.end(), stem) != kWords.end();
}

DocumentQuery make_query(const Understanding& understood, const std::string& words) {
    DocumentQuery query;
    query.words = words;
    const Reading& reading = understood.reading;
    const auto times = find_times(reading.words, "2000-01-01");
    for (std::size_t i = 0; i < reading.words.size() && query.terms.size() < kMaxTerms; ++i) {
        const Word& word = reading.words[i];
        const bool in_project =
            std::any_of(reading.spans.begin(), reading.spans.end(),
                        [i](const Span& span) { return span.project && span.covers(i); });
        const bool in_time = std::any_of(times.begin(), times.end(), [i](const FoundTime& time) {
            return time.first <= i && i < time.last;
        });
        if (in_project || in_time || word.text.size() < 3 || is_stop_word(word.text) ||
            is_search_word(word.stem)) {
            continue;
        }
        if (std::find(query.terms.begin(), query.terms.end(), word.text) == query.terms.end()) {
            query.terms.push_back(word.text);
        }
    }
    for (const FoundCue& cue : understood.cues) {
        if (cue.cue == Cue::document && !cue.value.empty()) {
            query.kind = cue.value;
        }
    }
    return query;
}

// What else the documents call it.
struct Synonym {
    std::string_view word;
    std::string_view also;
};
constexpr Synonym kSynonyms[] = {
    {"hold", "suspended"},       {"paused", "suspended"},   {"suspended", "hold"},
    {"cancelled", "terminated"}, {"canceled", "cancelled"}, {"delayed", "delay"},
    {"late", "delay"},           {"accident", "injury"},    {"leaking", "leak"},
    {"stolen", "theft"},         {"thieves", "theft"},
};

std::string_view synonym_of(std::string_view term) {
    const auto* found = std::find_if(std::begin(kSynonyms), std::end(kSynonyms),
                                     [&](const Synonym& one) { return one.word == term; });
    return found == std::end(kSynonyms) ? std::string_view() : found->also;
}

// "term" OR "term": every term quoted, so nothing of the question is FTS syntax.
std::string match_expression(const std::vector<std::string>& terms) {
    std::string expression;
    for (const std::string& term : terms) {
        std::string clean;
        for (const char c : term) {
            clean += c == '"' ? ' ' : c;
        }
        expression += (expression.empty() ? "\"" : " OR \"") + clean + "\"";
        if (const std::string_view also = synonym_of(term); !also.empty()) {
            expression += " OR \"" + std::string(also) + "\"";
        }
    }
    return expression;
}

// A word of the text and a term agree when they share the stem, or a long beginning of it.
bool text_has(const std::vector<Word>& text, const std::string& term) {
    const std::string stem = stem_of(term);
    const std::size_t head = std::max<std::size_t>(5, stem.size() > 3 ? stem.size() - 3 : 0);
    return std::any_of(text.begin(), text.end(), [&](const Word& word) {
        return word.stem == stem || (stem.size() >= 5 && word.text.size() >= 5 &&
                                     std::string_view(word.text).substr(0, head) ==
                                         std::string_view(stem).substr(0, head));
    });
}

double coverage(const std::string& title, const std::string& body,
                const std::vector<std::string>& terms) {
    if (terms.empty()) {
        return 1;
    }
    const std::vector<Word> words = split_words(title + "\n" + body);
    const auto found = std::count_if(terms.begin(), terms.end(), [&](const std::string& term) {
        const std::string also(synonym_of(term));
        return text_has(words, term) || (!also.empty() && text_has(words, also));
    });
    return static_cast<double>(found) / static_cast<double>(terms.size());
}

// Conditions besides the match, with their values bound from :name parameters by bind_filters.
std::string filter_sql(const DocumentQuery& query, const ProjectScope& scope) {
    std::string sql;
    if (scope.filtered()) {
        sql += " AND d.project_id IN (";
        for (std::size_t i = 0; i < scope.projects.size(); ++i) {
            sql += (i == 0 ? ":p" : ", :p") + std::to_string(i);
        }
        sql += ")";
    }
    sql += query.kind.empty() ? "" : " AND d.kind = :kind";
    if (query.time) {
        sql += query.time->from.empty() ? "" : " AND d.date >= :from";
        sql += query.time->to.empty() ? "" : " AND d.date < :to";
    }
    return sql;
}

void bind_filters(sqlite::Statement& statement, const DocumentQuery& query,
                  const ProjectScope& scope) {
    for (std::size_t i = 0; i < scope.projects.size(); ++i) {
        const std::string& id = scope.projects[i].id;
        if (id.empty() || !std::all_of(id.begin(), id.end(),
                                       [](unsigned char c) { return std::isdigit(c) != 0; })) {
            throw ProviderError(ProviderFault::filter,
                                "the project filter cannot be applied to the documents");
        }
        statement.bind(":p" + std::to_string(i), std::int64_t{std::stoll(id)});
    }
    if (!query.kind.empty()) {
        statement.bind(":kind", query.kind);
    }
    if (query.time && !query.time->from.empty()) {
        statement.bind(":from", query.time->from);
    }
    if (query.time && !query.time->to.empty()) {
        statement.bind(":to", query.time->to);
    }
}

struct Candidate {
    Document document;
    double coverage = 0;
    int rank = 0; // by BM25, best first
};

Document read_document(const sqlite::Statement& row) {
    Document document;
    document.id = "doc-" + std::string(row.text(0));
    document.title = row.text(1);
    document.url = row.text(2);
    document.kind = row.text(3);
    document.date = row.text(4);
    document.project = row.text(5);
    document.snippet = row.text(6);
    return document;
}

std::vector<Candidate> candidates(sqlite::Database& database, const DocumentQuery& query,
                                  const ProjectScope& scope) {
    const std::string columns = "SELECT d.id, d.title, d.url, d.kind, d.date, p.name, ";
    const std::string limit = " LIMIT " + std::to_string(kMaxCandidates);
    const bool all = query.terms.empty();
    const std::string sql =
        all ? columns +
                  "substr(d.body, 1, 300), d.body FROM documents d "
                  "JOIN projects p ON p.id = d.project_id WHERE 1 = 1" +
                  filter_sql(query, scope) + " ORDER BY d.date DESC, d.id" + limit
            : columns +
                  "snippet(documents_fts, 1, '', '', '…', 44), d.body FROM documents_fts "
                  "JOIN documents d ON d.id = documents_fts.rowid "
                  "JOIN projects p ON p.id = d.project_id "
                  "WHERE documents_fts MATCH :match" +
                  filter_sql(query, scope) + " ORDER BY bm25(documents_fts, 4.0, 1.0)" + limit;
    auto statement = database.prepare(sql);
    if (!all) {
        statement.bind(":match", match_expression(query.terms));
    }
    bind_filters(statement, query, scope);
    std::vector<Candidate> found;
    while (statement.step()) {
        Candidate candidate;
        candidate.document = read_document(statement);
        candidate.coverage = coverage(candidate.document.title + " " + candidate.document.project,
                                      std::string(statement.text(7)), query.terms);
        candidate.rank = static_cast<int>(found.size());
        found.push_back(std::move(candidate));
    }
    return found;
}

DocumentHits find_documents(sqlite::Database& database, const DocumentQuery& query,
                            const ProjectScope& scope) {
    // Two of three words, or it is about something else.
    constexpr double kEnough = 0.6; // of three words or more; of fewer, all
    std::vector<Candidate> found = candidates(database, query, scope);
    const double needed = query.terms.size() <= 2 ? 1.0 : kEnough;
    std::erase_if(found, [needed](const Candidate& one) { return one.coverage + 1e-9 < needed; });
    std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
        return a.coverage != b.coverage ? a.coverage > b.coverage : a.rank < b.rank;
    });
    // Full matches make half matches noise.
    if (!found.empty() && found.front().coverage >= 0.99) {
        std::erase_if(found, [](const Candidate& one) { return one.coverage < 0.99; });
    }
    DocumentHits hits;
    hits.query = query.words;
    hits.total = static_cast<std::int64_t>(found.size());
    for (Candidate& candidate : found) {
        if (hits.documents.size() < kMaxHits) {
            hits.documents.push_back(std::move(candidate.document));
        }
    }
    return hits;
}

class LocalDocuments final : public DocumentSearch {
  public:
    explicit LocalDocuments(std::shared_ptr<Backend> backend) : backend_(std::move(backend)) {}

    Task<DocumentHits> search(const Question& question, const std::string& input,
                              const ProjectScope& scope, CallContext& call) override {
        if (scope.unanswerable()) {
            throw ProviderError(ProviderFault::filter, "the project filter names no known project");
        }
        const Vocabulary& vocabulary = backend_->vocabulary;
        const Conversation before = conversation_of(question, vocabulary);
        const Conversation none;
        Understanding understood = understand(input, none, vocabulary);
        DocumentQuery query = make_query(understood, input);
        const auto times = find_times(understood.reading.words, vocabulary.today);
        if (query.terms.empty() && !before.documents.empty() && input == question.text) {
            understood = understand(before.documents, none, vocabulary);
            query = make_query(understood, before.documents);
        }
        if (!times.empty()) {
            query.time = times.front().range;
        }
        const std::function<DocumentHits(sqlite::Database&)> job = [&](sqlite::Database& database) {
            DocumentHits found = find_documents(database, query, scope);
            if (found.documents.empty() && !query.kind.empty()) {
                query.kind.clear(); // no e-mail on it, but perhaps a report
                found = find_documents(database, query, scope);
            }
            return found;
        };
        DocumentHits hits =
            co_await backend_->pool.run<DocumentHits>(Access::full, job, call.deadline);
        co_return hits;
    }

  private:
    std::shared_ptr<Backend> backend_;
};

} // namespace

std::unique_ptr<DocumentSearch> make_document_search(std::shared_ptr<Backend> backend) {
    return std::make_unique<LocalDocuments>(std::move(backend));
}

} // namespace mr::local
