// Companies, contacts and deals of the CRM, found by names, stages, times and amounts.
#include "worker/providers/local/embedded.h"
#include "worker/providers/local/intent_draft.h"
#include "worker/providers/local/sql_parts.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace mr::local {
namespace {

constexpr int kMaxRecords = 20;

struct CrmQuery {
    bool deals = false;
    bool contacts = false;
    bool companies = false;
    std::vector<std::string> company_names;
    std::vector<std::string> contact_names;
    std::vector<std::string> owners;
    std::vector<std::string> cities;
    std::vector<std::string> states;
    std::vector<std::string> stages; // of the table
    std::string phase;               // of companies
    std::optional<TimeRange> time;
    std::vector<Bound> bounds;
    bool largest = false;
    bool smallest = false;
    int limit = kMaxRecords;
    std::string words;
};

struct StageWord {
    std::string_view stem;
    std::string_view stages; // separated by commas
};
constexpr StageWord kStageWords[] = {
    {"open", "lead,qualified,proposal,negotiation"},
    {"pipeline", "lead,qualified,proposal,negotiation"},
    {"active", "lead,qualified,proposal,negotiation"},
    {"lead", "lead"},
    {"qualified", "qualified"},
    {"proposal", "proposal"},
    {"negotiation", "negotiation"},
    {"negotiating", "negotiation"},
    {"won", "won"},
    {"win", "won"},
    {"signed", "won"},
    {"lost", "lost"},
    {"lose", "lost"},
};

void add_stages(CrmQuery& query, std::string_view list) {
    for (std::size_t begin = 0; begin < list.size();) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        const std::string stage(list.substr(begin, end - begin));
        if (std::find(query.stages.begin(), query.stages.end(), stage) == query.stages.end()) {
            query.stages.push_back(stage);
        }
        begin = end + 1;
    }
}

void read_names(CrmQuery& query, const Reading& reading) {
    for (const Span& span : reading.spans) {
        if (span.term == nullptr) {
            continue;
        }
        const std::string_view field = span.term->field;
        if (field == kFieldCompany || field == kFieldClient) {
            query.company_names.push_back(span.term->value);
        } else if (field == kFieldContact) {
            query.contact_names.push_back(span.term->value);
        } else if (field == kFieldOwner) {
            query.owners.push_back(span.term->value);
        } else if (field == kFieldCity) {
            query.cities.push_back(span.term->value);
        } else if (field == kFieldState) {
            query.states.push_back(span.term->value);
        }
    }
}

void read_words(CrmQuery& query, const Understanding& understood) {
    for (const Word& word : understood.reading.words) {
        for (const StageWord& known : kStageWords) {
            if (word.stem == known.stem) {
                add_stages(query, known.stages);
            }
        }
        query.contacts = query.contacts || word.stem == "contact" || word.stem == "phone" ||
                         word.stem == "email" || word.stem == "telephone";
        query.companies = query.companies || word.stem == "company" || word.stem == "prospect" ||
                          word.stem == "account" || word.stem == "industry";
        if (word.stem == "prospect") {
            query.phase = "prospect";
        }
    }
    for (const FoundCue& cue : understood.cues) {
        query.deals = query.deals || (cue.cue == Cue::crm && cue.value == "deal");
        query.largest = query.largest || cue.cue == Cue::most || cue.cue == Cue::top;
        query.smallest = query.smallest || cue.cue == Cue::least;
    }
}

CrmQuery make_query(const Understanding& understood, const Vocabulary& vocabulary,
                    const std::string& words) {
    CrmQuery query;
    query.words = words;
    read_names(query, understood.reading);
    read_words(query, understood);
    const auto times = find_times(understood.reading.words, vocabulary.today);
    if (!times.empty()) {
        query.time = times.front().range;
    }
    std::vector<bool> taken(understood.reading.words.size(), false);
    for (const FoundTime& time : times) {
        std::fill(taken.begin() + static_cast<std::ptrdiff_t>(time.first),
                  taken.begin() + static_cast<std::ptrdiff_t>(time.last), true);
    }
    query.bounds = find_bounds(understood.reading.words, taken);
    const Draft draft =
        make_draft(understood.reading, understood.cues, times, query.bounds, vocabulary);
    if (draft.limit > 0) {
        query.limit = std::min(draft.limit, kMaxRecords);
    } else if (query.largest || query.smallest) {
        query.limit = 5;
    }
    query.deals = query.deals || !query.stages.empty();
    query.contacts = query.contacts || !query.contact_names.empty();
    if (!query.deals && !query.contacts && !query.companies) {
        query.companies = true;
        query.contacts = !query.company_names.empty();
        query.deals = !query.company_names.empty();
    }
    return query;
}

std::string in_list(std::string_view column, const std::vector<std::string>& values) {
    std::string list;
    for (const std::string& value : values) {
        list += (list.empty() ? "" : ", ") + quoted_text(value);
    }
    return std::string(column) + " IN (" + list + ")";
}

// Companies behind the projects in scope.
std::string scope_condition(const ProjectScope& scope, std::string_view company_column) {
    std::string ids;
    for (const Project& project : scope.projects) {
        const bool number = !project.id.empty() &&
                            std::all_of(project.id.begin(), project.id.end(),
                                        [](unsigned char c) { return std::isdigit(c) != 0; });
        if (!number) {
            throw ProviderError(ProviderFault::filter,
                                "the project filter cannot be applied to the CRM");
        }
        ids += (ids.empty() ? "" : ", ") + project.id;
    }
    return std::string(company_column) + " IN (SELECT client_id FROM projects WHERE id IN (" + ids +
           "))";
}

// Which companies: by name and place, the same for all three kinds of record.
void add_company_conditions(const CrmQuery& query, const ProjectScope& scope,
                            std::string_view company_column, std::vector<std::string>& where) {
    if (scope.filtered()) {
        where.push_back(scope_condition(scope, company_column));
    }
    if (!query.company_names.empty()) {
        where.push_back(in_list("k.name", query.company_names));
    }
    if (!query.cities.empty()) {
        where.push_back(in_list("k.city", query.cities));
    }
    if (!query.states.empty()) {
        where.push_back(in_list("k.state", query.states));
    }
}

struct Section {
    std::string type;
    std::string from;
    std::vector<std::string> where;
    std::string order;
    std::string columns; // id, title, then "Label" columns
};

void run_section(sqlite::Database& database, const Section& section, int limit, CrmHits& hits) {
    const std::string where = where_clause(section.where);
    hits.total += database.query_integer("SELECT count(*) FROM " + section.from + where);
    auto rows = database.prepare("SELECT " + section.columns + " FROM " + section.from + where +
                                 " ORDER BY " + section.order + " LIMIT " + std::to_string(limit));
    while (rows.step()) {
        CrmRecord record;
        record.id = section.type + "-" + std::string(rows.text(0));
        record.type = section.type;
        record.title = rows.text(1);
        record.properties = nlohmann::json::object();
        for (int i = 2; i < rows.column_count(); ++i) {
            const sqlite::Value value = rows.value(i);
            record.properties[std::string(rows.column_name(i))] =
                std::visit([](const auto& held) { return nlohmann::json(held); }, value);
        }
        hits.records.push_back(std::move(record));
    }
}

Section deal_section(const CrmQuery& query, const ProjectScope& scope) {
    Section section;
    section.type = "deal";
    section.from = "crm_deals d JOIN crm_companies k ON k.id = d.company_id "
                   "JOIN crm_contacts c ON c.id = d.contact_id";
    section.columns = "d.id, d.name, k.name AS Company, d.stage AS Stage, d.amount AS Amount, "
                      "d.probability AS Probability, d.close_date AS Closes, d.owner AS Owner, "
                      "c.name AS Contact, d.note AS Note";
    add_company_conditions(query, scope, "d.company_id", section.where);
    if (!query.owners.empty()) {
        section.where.push_back(in_list("d.owner", query.owners));
    }
    if (!query.stages.empty()) {
        section.where.push_back(in_list("d.stage", query.stages));
    }
    if (query.time) {
        section.where.push_back(range_condition("d.close_date", *query.time));
    }
    for (const Bound& bound : query.bounds) {
        section.where.push_back("d.amount " + bound.op + " " + number_text(bound.value));
    }
    section.order = query.smallest  ? "d.amount, d.id"
                    : query.largest ? "d.amount DESC, d.id"
                                    : "d.close_date DESC, d.id";
    return section;
}

Section contact_section(const CrmQuery& query, const ProjectScope& scope) {
    Section section;
    section.type = "contact";
    section.from = "crm_contacts c JOIN crm_companies k ON k.id = c.company_id";
    section.columns = "c.id, c.name, c.title AS Title, k.name AS Company, c.email AS Email, "
                      "c.phone AS Phone, c.last_contacted_on AS \"Last contacted\"";
    add_company_conditions(query, scope, "c.company_id", section.where);
    if (!query.contact_names.empty()) {
        section.where.push_back(in_list("c.name", query.contact_names));
    }
    section.order = "c.last_contacted_on DESC, c.id";
    return section;
}

Section company_section(const CrmQuery& query, const ProjectScope& scope) {
    Section section;
    section.type = "company";
    section.from = "crm_companies k";
    section.columns = "k.id, k.name, k.industry AS Industry, k.city AS City, k.phase AS Relation, "
                      "k.owner AS \"Account manager\", k.website AS Website, k.since AS Since";
    add_company_conditions(query, scope, "k.id", section.where);
    if (!query.owners.empty()) {
        section.where.push_back(in_list("k.owner", query.owners));
    }
    if (!query.phase.empty()) {
        section.where.push_back("k.phase = " + quoted_text(query.phase));
    }
    section.order = "k.name";
    return section;
}

// Number and sums of all deals that fit, not only of those shown.
void add_deal_sums(sqlite::Database& database, const Section& deals, CrmHits& hits) {
    auto sums = database.prepare("SELECT count(*), coalesce(sum(d.amount), 0), "
                                 "coalesce(sum(d.amount * d.probability / 100), 0) FROM " +
                                 deals.from + where_clause(deals.where));
    sums.step();
    CrmRecord record;
    record.type = "summary";
    record.title = "Deals";
    record.properties = {
        {"Deals", sums.integer(0)}, {"Amount", sums.integer(1)}, {"Weighted", sums.integer(2)}};
    hits.records.push_back(std::move(record));
}

CrmHits find_records(sqlite::Database& database, const CrmQuery& query, const ProjectScope& scope) {
    CrmHits hits;
    hits.query = query.words;
    if (query.companies) {
        run_section(database, company_section(query, scope), query.limit, hits);
    }
    if (query.contacts) {
        run_section(database, contact_section(query, scope), query.limit, hits);
    }
    if (query.deals) {
        const Section deals = deal_section(query, scope);
        add_deal_sums(database, deals, hits);
        run_section(database, deals, query.limit, hits);
    }
    return hits;
}

class LocalCrm final : public CrmSearch {
  public:
    explicit LocalCrm(std::shared_ptr<Backend> backend) : backend_(std::move(backend)) {}

    Task<CrmHits> search(const Question& question, const std::string& input,
                         const ProjectScope& scope, CallContext& call) override {
        if (scope.unanswerable()) {
            throw ProviderError(ProviderFault::filter, "the project filter names no known project");
        }
        const Vocabulary& vocabulary = backend_->vocabulary;
        const Conversation before = conversation_of(question, vocabulary);
        const Conversation none;
        Understanding understood = understand(input, none, vocabulary);
        CrmQuery query = make_query(understood, vocabulary, input);
        // "and Halden Capital?": the kind of record is that of the question before.
        if (!understood.has(Cue::crm) && !before.crm.empty() && query.stages.empty()) {
            const Understanding earlier = understand(before.crm, none, vocabulary);
            const CrmQuery old = make_query(earlier, vocabulary, before.crm);
            query.deals = old.deals;
            query.contacts = old.contacts;
            query.companies = old.companies;
            query.stages = old.stages;
            if (query.company_names.empty()) {
                query.company_names = old.company_names;
            }
        }
        const std::function<CrmHits(sqlite::Database&)> job = [&](sqlite::Database& database) {
            return find_records(database, query, scope);
        };
        CrmHits hits = co_await backend_->pool.run<CrmHits>(Access::full, job, call.deadline);
        co_return hits;
    }

  private:
    std::shared_ptr<Backend> backend_;
};

} // namespace

std::unique_ptr<CrmSearch> make_crm_search(std::shared_ptr<Backend> backend) {
    return std::make_unique<LocalCrm>(std::move(backend));
}

} // namespace mr::local
