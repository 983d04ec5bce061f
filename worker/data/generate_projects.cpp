// Projects as the sources give them, the names people use for them, and their change orders.
#include "worker/data/generate.h"
#include "worker/data/sources.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

namespace mr::demo {
namespace {

constexpr Dollars kBudgetStep = 1000;
constexpr Dollars kChangeStep = 50;
constexpr int kTenThousandths = 10'000;
// A completed project has every change decided this many days before its end, so that the last
// invoice can bill it.
constexpr int kSettledBeforeEndDays = 20;

Date last_day_of_work(const Project& project, std::string_view stopped, Date today) {
    if (!stopped.empty())
        return Date::parse(stopped);
    return std::min(project.end, today);
}

int percent_complete(const Project& project) {
    if (project.status == "completed")
        return 100;
    if (!project.started())
        return 0;
    return static_cast<int>(work_done_ppm(project, project.last_work) / kTenThousandths);
}

Project read_project(const SourceTable& table, std::size_t i, const DemoData& data,
                     Random& random) {
    Project project;
    project.name = table.at(i, "name");
    project.client = table.at(i, "client");
    project.city = table.at(i, "city");
    project.state = table.at(i, "state");
    project.type = table.at(i, "type");
    project.status = table.at(i, "status");
    project.start = Date::parse(table.at(i, "start"));
    project.planned_end = Date::parse(table.at(i, "end"));
    project.end = project.planned_end;
    const std::string_view stopped = table.at(i, "stopped");
    if (project.status == "cancelled")
        project.end = Date::parse(stopped);
    project.last_work = last_day_of_work(project, stopped, data.today);
    const std::int64_t lead_days = random.range(30, 90);
    const std::int64_t ago_days = random.range(5, 40);
    project.awarded = std::min(project.start - lead_days, data.today - ago_days).working_day();
    project.original_contract = table.integer(i, "contract");
    project.budget =
        project.original_contract * random.range(880, 940) / 1000 / kBudgetStep * kBudgetStep;
    project.square_feet = table.integer(i, "square_feet");
    project.percent_complete = percent_complete(project);
    project.manager = table.at(i, "manager");
    project.superintendent = table.at(i, "superintendent");
    project.description = table.at(i, "description");
    for (const std::string_view nickname : split(table.at(i, "nicknames"), ';')) {
        if (!nickname.empty())
            project.nicknames.emplace_back(nickname);
    }
    return project;
}

// MR-YY-NNN, numbered within the year of the award.
void assign_codes(std::vector<Project>& projects) {
    std::vector<Project*> by_award;
    for (Project& project : projects)
        by_award.push_back(&project);
    std::ranges::sort(by_award, {}, [](const Project* project) {
        return std::pair{project->awarded, project}; // elements of one vector: in its order
    });
    std::map<int, int> count;
    for (Project* project : by_award) {
        const int year = project->awarded.year();
        std::array<char, 32> code{};
        std::snprintf(code.data(), code.size(), "MR-%02d-%03d", year % 100, ++count[year]);
        project->code = code.data();
    }
}

std::string initials(std::string_view name) {
    std::string result;
    for (const std::string_view word : split(name, ' ')) {
        if (!word.empty() && word.front() >= 'A' && word.front() <= 'Z')
            result.push_back(word.front());
    }
    return result;
}

struct AliasCandidate {
    RowId project_id;
    std::string alias, kind;
};

std::vector<AliasCandidate> alias_candidates(const DemoData& data) {
    std::vector<AliasCandidate> all;
    for (RowId id = 1; id <= last_id(data.projects); ++id) {
        const Project& project = row(data.projects, id);
        all.push_back({id, project.name, "name"});
        all.push_back({id, project.code, "code"});
        for (const std::string& nickname : project.nicknames)
            all.push_back({id, nickname, "nickname"});
        if (const std::string letters = initials(project.name); letters.size() >= 2)
            all.push_back({id, letters, "short"});
        all.push_back({id, project.client, "client"});
        all.push_back({id, project.city + " " + project.type, "place"});
    }
    return all;
}

struct ChangePlan {
    Date first, last; // when changes may be raised
    Date decide_by;   // no decision after this day
    bool all_decided; // nothing may stay proposed
    std::int64_t count;
};

ChangePlan change_plan(const Project& project, Date today, Random& random) {
    const bool closed = project.status == "completed" || project.status == "cancelled";
    ChangePlan plan;
    plan.first = project.start + 20;
    plan.last = closed ? project.last_work - 3 * kSettledBeforeEndDays : project.last_work;
    plan.decide_by =
        closed ? project.last_work - kSettledBeforeEndDays : std::min(project.last_work, today);
    plan.all_decided = closed;
    plan.count = 4 + (project.last_work - project.start) / 80 + random.range(0, 3);
    return plan;
}

void decide(ChangeOrder& order, const ChangePlan& plan, Random& random) {
    const Date decided = (order.raised_on + random.range(5, 40)).working_day();
    if (plan.all_decided || (decided <= plan.decide_by && !random.chance(6))) {
        const bool credit = order.amount < 0; // nobody turns down a credit
        order.status = random.chance(76) || credit ? "approved" : "rejected";
        order.decided_on = std::min(decided, plan.decide_by);
    } else {
        order.status = "proposed";
    }
}

ChangeOrder draw_change(const Project& project, const ChangePlan& plan, const Phrases& phrases,
                        std::set<std::string>& titles, Random& random) {
    static constexpr std::array<std::string_view, 8> kReasons = {
        "owner request", "owner request",        "design error",     "design error",
        "weather",       "unforeseen condition", "code requirement", "value engineering"};
    ChangeOrder order;
    order.reason = random.pick(kReasons);
    do {
        order.title = phrases.draw("change." + order.reason, {}, random);
    } while (!titles.insert(order.title).second);
    order.amount = project.original_contract * random.range(8, 150) / kTenThousandths /
                   kChangeStep * kChangeStep;
    if (order.reason == "value engineering")
        order.amount = -order.amount;
    else if (random.chance(55))
        order.days = static_cast<int>(random.range(1, 14));
    order.raised_on = plan.first + random.range(0, plan.last - plan.first);
    return order;
}

} // namespace

void add_projects(DemoData& data) {
    const SourceTable table("projects.tsv");
    Random random("projects");
    for (std::size_t i = 0; i < table.size(); ++i) {
        Project project = read_project(table, i, data, random);
        const auto client = std::ranges::find(data.companies, project.client, &Company::name);
        if (client == data.companies.end())
            throw std::logic_error("projects.tsv: unknown client " + project.client);
        project.client_id = static_cast<RowId>(client - data.companies.begin()) + 1;
        project.contact_id = random.pick(client->contacts);
        client->since = std::min(client->since, project.awarded - random.range(320, 700));
        data.projects.push_back(std::move(project));
    }
    assign_codes(data.projects);
}

// Names, codes and nicknames are ours; initials, clients and places count only where they mean one
// project.
void add_aliases(DemoData& data) {
    const std::vector<AliasCandidate> all = alias_candidates(data);
    std::map<std::string, std::set<RowId>> meanings;
    for (const AliasCandidate& candidate : all)
        meanings[candidate.alias].insert(candidate.project_id);
    for (const AliasCandidate& candidate : all) {
        if (meanings[candidate.alias].size() > 1)
            continue;
        auto& aliases = row(data.projects, candidate.project_id).aliases;
        const bool known = std::ranges::any_of(
            aliases, [&](const auto& alias) { return alias.first == candidate.alias; });
        if (!known)
            aliases.emplace_back(candidate.alias, candidate.kind);
    }
}

void add_change_orders(DemoData& data) {
    const Phrases phrases("phrases.txt");
    Random random("change orders");
    for (RowId id = 1; id <= last_id(data.projects); ++id) {
        Project& project = row(data.projects, id);
        project.contract_value = project.original_contract;
        if (!project.started())
            continue;
        const ChangePlan plan = change_plan(project, data.today, random);
        std::vector<ChangeOrder> orders;
        std::set<std::string> titles;
        for (std::int64_t i = 0; i < plan.count; ++i)
            orders.push_back(draw_change(project, plan, phrases, titles, random));
        std::ranges::sort(orders, {}, [](const ChangeOrder& order) {
            return std::pair<Date, std::string_view>{order.raised_on, order.title};
        });
        for (std::size_t i = 0; i < orders.size(); ++i) {
            ChangeOrder& order = orders[i];
            order.project_id = id;
            order.number = (i < 9 ? "CO-0" : "CO-") + std::to_string(i + 1);
            decide(order, plan, random);
            if (order.status == "approved")
                project.contract_value += order.amount;
            data.change_orders.push_back(std::move(order));
        }
    }
}

} // namespace mr::demo
