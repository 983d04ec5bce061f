// CRM: organisations, their people, and the deals that did or did not become projects.
#include "worker/data/generate.h"
#include "worker/data/sources.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

namespace mr::demo {
namespace {

constexpr std::array<std::string_view, 4> kAccountManagers = {"Nina Castellanos", "Hugh Renfrew",
                                                              "Bridget O'Neil", "Samir Aziz"};
constexpr Dollars kDealStep = 10'000;

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

// A number in the range reserved for fiction.
std::string phone_number(Random& random) {
    const std::int64_t line = random.range(10, 99);
    const std::int64_t extension = random.range(100, 999);
    return "(207) 555-01" + std::to_string(line) + " ext. " + std::to_string(extension);
}

void add_contacts(DemoData& data, const Phrases& phrases, std::set<std::string>& taken,
                  Random& random) {
    Company& company = data.companies.back();
    const RowId company_id = last_id(data.companies);
    const std::int64_t count =
        company.phase == "prospect" ? random.range(3, 5) : random.range(4, 6);
    for (std::int64_t i = 0; i < count; ++i) {
        std::string first, last;
        do {
            first = phrases.draw("first_name", {}, random);
            last = phrases.draw("last_name", {}, random);
        } while (!taken.insert(first + " " + last).second);
        Contact contact;
        contact.company_id = company_id;
        contact.name = first + " " + last;
        contact.title = phrases.draw("contact_title", {}, random);
        contact.email = lower(first) + "." + lower(last) + "@" + company.domain;
        contact.phone = phone_number(random);
        const std::int64_t quiet_days =
            company.phase == "former client" ? random.range(300, 900) : random.range(1, 260);
        contact.last_contacted_on = data.today - quiet_days;
        data.contacts.push_back(std::move(contact));
        company.contacts.push_back(last_id(data.contacts));
    }
}

Deal won_deal(const DemoData& data, RowId project_id, const Phrases& phrases, Random& random) {
    const Project& project = row(data.projects, project_id);
    const Company& company = row(data.companies, project.client_id);
    Deal deal;
    deal.company_id = project.client_id;
    deal.contact_id = project.contact_id;
    deal.project_id = project_id;
    deal.name = project.name;
    deal.stage = "won";
    deal.amount = project.original_contract;
    deal.probability = 100;
    deal.owner = company.owner;
    deal.close_date = project.awarded;
    deal.created_on = project.awarded - random.range(90, 300);
    deal.note = phrases.draw(
        "note.won",
        {{"contact", row(data.contacts, deal.contact_id).name}, {"manager", project.manager}},
        random);
    return deal;
}

void set_stage(Deal& deal, Date today, Date since, Random& random) {
    static constexpr std::array<std::pair<const char*, int>, 4> kOpenStages = {
        {{"lead", 10}, {"qualified", 25}, {"proposal", 45}, {"negotiation", 70}}};
    if (random.chance(40)) {
        deal.stage = "lost";
        deal.close_date = today - random.range(20, 900);
        deal.created_on = deal.close_date - random.range(60, 400);
    } else {
        const auto& [stage, probability] = random.pick(kOpenStages);
        deal.stage = stage;
        deal.probability = probability + static_cast<int>(random.range(-1, 2)) * 5;
        deal.created_on = today - random.range(10, 420);
        deal.close_date = today + random.range(15, 400);
    }
    deal.created_on = std::max(deal.created_on, since);
    deal.close_date = std::max(deal.close_date, deal.created_on + 10);
}

} // namespace

void add_companies(DemoData& data) {
    const SourceTable table("companies.tsv");
    const Phrases phrases("phrases.txt");
    Random random("companies");
    std::set<std::string> taken;
    for (std::size_t i = 0; i < table.size(); ++i) {
        Company company;
        company.name = table.at(i, "name");
        company.industry = table.at(i, "industry");
        company.city = table.at(i, "city");
        company.state = table.at(i, "state");
        company.phase = table.at(i, "phase");
        company.pays = table.at(i, "pays");
        company.domain = table.at(i, "domain");
        company.website = "https://www." + company.domain;
        company.owner = random.pick(kAccountManagers);
        // Clients: corrected by add_projects so that the first contact precedes the first award.
        company.since = data.today - random.range(1200, 1700);
        data.companies.push_back(std::move(company));
        add_contacts(data, phrases, taken, random);
    }
}

void add_deals(DemoData& data) {
    const Phrases phrases("phrases.txt");
    Random random("deals");
    for (RowId id = 1; id <= last_id(data.projects); ++id)
        data.deals.push_back(won_deal(data, id, phrases, random));

    std::set<std::string> names;
    for (RowId id = 1; id <= last_id(data.companies); ++id) {
        const Company& company = row(data.companies, id);
        for (std::int64_t i = random.range(3, 5); i > 0; --i) {
            Deal deal;
            deal.company_id = id;
            deal.contact_id = random.pick(company.contacts);
            do {
                const std::string place = phrases.draw("deal.place", {}, random);
                const std::string thing = phrases.draw("deal." + company.industry, {}, random);
                deal.name = place + " " + thing + " for " + company.name;
            } while (!names.insert(deal.name).second);
            deal.amount = random.range(60, 4200) * kDealStep;
            deal.owner = company.owner;
            set_stage(deal, data.today, company.since, random);
            const PhraseValues values{{"contact", row(data.contacts, deal.contact_id).name},
                                      {"industry", company.industry},
                                      {"reference", random.pick(data.projects).name}};
            deal.note = phrases.draw("note." + deal.stage, values, random);
            data.deals.push_back(std::move(deal));
        }
    }
}

} // namespace mr::demo
