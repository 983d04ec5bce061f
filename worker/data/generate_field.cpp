// What happens on site: our crews' weeks and the inspections.
#include "worker/data/generate.h"
#include "worker/data/sources.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace mr::demo {
namespace {

constexpr int kMaxCrewsPerProject = 4;
constexpr int kHoursPerWeek = 40;

// A crew stays with a project for some weeks, then goes where the fewest crews are for the money.
class CrewPlan {
  public:
    CrewPlan(DemoData& data, Random& random)
        : data_(data), random_(random), posts_(data.crews.size()) {}

    void week(Date monday) {
        for (std::size_t i = 0; i < posts_.size(); ++i) {
            if (posts_[i].project != 0 &&
                (posts_[i].weeks_left <= 0 || !works(posts_[i].project, monday)))
                posts_[i].project = 0;
        }
        for (std::size_t i = 0; i < posts_.size(); ++i) {
            if (posts_[i].project == 0)
                posts_[i] = {next_project(monday), random_.range(4, 14)};
            --posts_[i].weeks_left;
            if (posts_[i].project != 0)
                record(static_cast<RowId>(i) + 1, posts_[i].project, monday);
        }
    }

  private:
    struct Post {
        RowId project = 0;
        std::int64_t weeks_left = 0;
    };

    bool works(RowId id, Date monday) const {
        const Project& project = row(data_.projects, id);
        return project.start <= monday && monday + 4 <= project.last_work;
    }

    RowId next_project(Date monday) const {
        RowId best = 0;
        Dollars best_need = 0;
        for (RowId id = 1; id <= last_id(data_.projects); ++id) {
            const auto crews = std::ranges::count(posts_, id, &Post::project);
            if (!works(id, monday) || crews >= kMaxCrewsPerProject)
                continue;
            const Dollars need = row(data_.projects, id).original_contract / (1 + 3 * crews);
            if (need > best_need) {
                best = id;
                best_need = need;
            }
        }
        return best;
    }

    void record(RowId crew_id, RowId project_id, Date monday) {
        const Crew& crew = row(data_.crews, crew_id);
        CrewHours hours;
        hours.crew_id = crew_id;
        hours.project_id = project_id;
        hours.week_start = monday;
        const auto absent = static_cast<int>(random_.range(0, 3));
        hours.regular_hours = crew.size * kHoursPerWeek - 8 * absent;
        if (random_.chance(30))
            hours.overtime_hours = crew.size * static_cast<int>(random_.range(1, 8));
        data_.crew_hours.push_back(hours);
    }

    DemoData& data_;
    Random& random_;
    std::vector<Post> posts_;
};

struct Inspector {
    std::string_view name, agency;
    std::vector<std::string_view> kinds;
};

class Inspecting {
  public:
    Inspecting(DemoData& data, Random& random)
        : data_(data), random_(random), findings_("findings.txt"),
          planted_("planted_inspections.tsv") {
        const SourceTable table("inspectors.tsv");
        for (std::size_t i = 0; i < table.size(); ++i)
            inspectors_.push_back(
                {table.at(i, "name"), table.at(i, "agency"), split(table.at(i, "kinds"), ';')});
    }

    void run(RowId project_id) {
        const Project& project = row(data_.projects, project_id);
        std::set<std::string_view> told = plant(project_id);
        for (const std::string_view kind : kinds_for(project)) {
            if (told.contains(kind))
                continue; // the planted story stands alone
            const std::int64_t rounds = random_.range(1, 2);
            for (std::int64_t i = 0; i < rounds; ++i)
                inspect(project_id, kind);
        }
        if (project.status == "completed")
            add(project_id, project.end - random_.range(3, 9), "final",
                random_.chance(80) ? "pass" : "conditional");
    }

  private:
    std::set<std::string_view> plant(RowId project_id) {
        std::set<std::string_view> kinds;
        for (std::size_t i = 0; i < planted_.size(); ++i) {
            if (planted_.at(i, "project") != row(data_.projects, project_id).name)
                continue;
            const std::string_view name = planted_.at(i, "inspector");
            Inspection inspection;
            inspection.project_id = project_id;
            inspection.inspected_on = Date::parse(planted_.at(i, "date"));
            inspection.kind = planted_.at(i, "kind");
            inspection.inspector = name;
            inspection.agency = std::ranges::find(inspectors_, name, &Inspector::name)->agency;
            inspection.result = planted_.at(i, "result");
            inspection.notes = planted_.at(i, "notes");
            data_.inspections.push_back(std::move(inspection));
            kinds.insert(planted_.at(i, "kind"));
        }
        return kinds;
    }

    static std::vector<std::string_view> kinds_for(const Project& project) {
        std::vector<std::string_view> kinds = {"concrete", "electrical", "erosion control"};
        const std::string& type = project.type;
        if (type != "infrastructure")
            kinds.insert(kinds.end(), {"plumbing", "roofing", "fire alarm"});
        if (type == "residential" || type == "hotel")
            kinds.insert(kinds.end(), {"waterproofing", "elevator", "scaffold"});
        if (type == "office" || type == "healthcare" || type == "laboratory")
            kinds.insert(kinds.end(), {"structural steel", "elevator", "facade"});
        if (type == "industrial" || type == "infrastructure" || type == "office")
            kinds.insert(kinds.end(), {"crane", "structural steel"});
        if (type == "school" || type == "civic" || type == "retail")
            kinds.insert(kinds.end(), {"scaffold", "facade"});
        if (project.description.find("former") != std::string::npos ||
            project.description.find("estor") != std::string::npos)
            kinds.push_back("asbestos");
        std::ranges::sort(kinds);
        kinds.erase(std::ranges::unique(kinds).begin(), kinds.end());
        return kinds;
    }

    void inspect(RowId project_id, std::string_view kind) {
        const Project& project = row(data_.projects, project_id);
        const Date first = project.start + 15;
        const std::int64_t days = project.last_work - 12 - first;
        if (days <= 0)
            return;
        const Date day = (first + random_.range(0, days)).working_day();
        const std::int64_t luck = random_.range(1, 100);
        add(project_id, day, kind, luck <= 70 ? "pass" : luck <= 85 ? "conditional" : "fail");
        if (luck <= 85)
            return;
        const Date again = (day + random_.range(7, 24)).working_day();
        if (again <= project.last_work) {
            Inspection repeat = data_.inspections.back();
            repeat.inspected_on = again;
            repeat.result = "pass";
            repeat.notes = "Re-inspection after the failure of " + day.in_words() +
                           ": corrected and accepted.";
            data_.inspections.push_back(std::move(repeat));
        }
    }

    void add(RowId project_id, Date day, std::string_view kind, std::string_view result) {
        std::vector<const Inspector*> able;
        for (const Inspector& inspector : inspectors_) {
            if (std::ranges::find(inspector.kinds, kind) != inspector.kinds.end())
                able.push_back(&inspector);
        }
        const Inspector& inspector = *random_.pick(able);
        Inspection inspection;
        inspection.project_id = project_id;
        inspection.inspected_on = day;
        inspection.kind = kind;
        inspection.inspector = inspector.name;
        inspection.agency = inspector.agency;
        inspection.result = result;
        inspection.notes =
            findings_.draw(std::string{kind} + "." + std::string{result}, {}, random_);
        data_.inspections.push_back(std::move(inspection));
    }

    DemoData& data_;
    Random& random_;
    Phrases findings_;
    SourceTable planted_;
    std::vector<Inspector> inspectors_;
};

} // namespace

void add_crews(DemoData& data) {
    const SourceTable table("crews.tsv");
    for (std::size_t i = 0; i < table.size(); ++i) {
        Crew crew;
        crew.name = table.at(i, "name");
        crew.trade = table.at(i, "trade");
        crew.foreman = table.at(i, "foreman");
        crew.size = static_cast<int>(table.integer(i, "size"));
        crew.hourly_rate = static_cast<int>(table.integer(i, "hourly_rate"));
        data.crews.push_back(std::move(crew));
    }
    Random random("crew hours");
    const Date first = std::ranges::min_element(data.projects, {}, &Project::start)->start;
    CrewPlan plan(data, random);
    for (Date monday = first - first.weekday(); monday + 4 <= data.today; monday = monday + 7)
        plan.week(monday);
}

void add_inspections(DemoData& data) {
    Random random("inspections");
    Inspecting inspecting(data, random);
    for (RowId id = 1; id <= last_id(data.projects); ++id) {
        if (row(data.projects, id).started())
            inspecting.run(id);
    }
    std::ranges::sort(data.inspections, [](const Inspection& a, const Inspection& b) {
        return std::tie(a.inspected_on, a.project_id, a.kind, a.notes) <
               std::tie(b.inspected_on, b.project_id, b.kind, b.notes);
    });
}

} // namespace mr::demo
