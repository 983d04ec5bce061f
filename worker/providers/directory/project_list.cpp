#include "worker/providers/directory/project_list.h"

#include "worker/providers/local/annotate.h"
#include "worker/providers/remote_json.h"
#include "worker/small_file.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace mr::directory {
namespace {

using nlohmann::json;

// Ids come as text or as numbers.
std::string id_of(const json& value) {
    return value.is_number_integer() ? std::to_string(value.get<std::int64_t>()) : text_of(value);
}

ListedProject read_project(const json& entry, std::size_t place) {
    ListedProject listed;
    listed.project.id = id_of(member(entry, "id"));
    listed.project.name = text_of(member(entry, "name"));
    listed.project.code = text_of(member(entry, "code"));
    if (listed.project.id.empty() || listed.project.name.empty()) {
        throw std::runtime_error("project " + std::to_string(place) + " has no id or no name");
    }
    for (const json& alias : items_of(member(entry, "aliases"))) {
        if (listed.aliases.size() < kMaxNamesOfProject) {
            listed.aliases.push_back(text_of(alias));
        }
    }
    return listed;
}

// People say "North Pier" of North Pier Terminal: what a name begins with, two words or more.
void add_beginnings(local::Vocabulary& vocabulary, std::size_t place, const std::string& name) {
    const std::size_t second = name.find(' ', std::min(name.find(' '), name.size() - 1) + 1);
    for (std::size_t end = second; end != std::string::npos; end = name.find(' ', end + 1)) {
        local::add_alias(vocabulary, place, name.substr(0, end), "short");
    }
}

class ListDirectory final : public ProjectDirectory {
  public:
    explicit ListDirectory(ProjectList projects) : projects_(std::move(projects)) {}

    Task<std::vector<ProjectMatch>> lookup(const std::vector<std::string>& names,
                                           CallContext&) override {
        co_return projects_.lookup(names);
    }

  private:
    ProjectList projects_;
};

} // namespace

ProjectList::ProjectList(std::vector<ListedProject> projects) {
    for (ListedProject& listed : projects) {
        const std::size_t place = projects_.size();
        local::add_alias(vocabulary_, place, listed.project.name, "name");
        add_beginnings(vocabulary_, place, listed.project.name);
        local::add_alias(vocabulary_, place, listed.project.code, "code");
        for (const std::string& alias : listed.aliases) {
            local::add_alias(vocabulary_, place, alias, "alias");
        }
        projects_.push_back(std::move(listed.project));
    }
}

std::vector<ProjectMatch> ProjectList::lookup(const std::vector<std::string>& names) const {
    std::vector<ProjectMatch> matches;
    for (const std::string& name : names) {
        ProjectMatch match;
        match.name = name;
        for (const local::ScoredProject& found : local::find_projects(name, vocabulary_)) {
            match.candidates.push_back({projects_[found.project], found.score});
        }
        matches.push_back(std::move(match));
    }
    return matches;
}

ProjectList parse_project_list(const std::string& text) {
    const json list = json::parse(text, nullptr, false);
    if (!list.is_array()) {
        throw std::runtime_error("it is no JSON array of projects");
    }
    if (list.size() > kMaxProjects) {
        throw std::runtime_error("it holds more than " + std::to_string(kMaxProjects) +
                                 " projects");
    }
    std::vector<ListedProject> projects;
    std::set<std::string> ids;
    for (const json& entry : list) {
        projects.push_back(read_project(entry, projects.size() + 1));
        if (!ids.insert(projects.back().project.id).second) {
            throw std::runtime_error("two projects have the id " + projects.back().project.id);
        }
    }
    return ProjectList(std::move(projects));
}

ProjectList read_project_list(const std::string& path) {
    return parse_project_list(read_small_file(path, kMaxFileBytes));
}

std::unique_ptr<ProjectDirectory> make_directory(ProjectList projects) {
    return std::make_unique<ListDirectory>(std::move(projects));
}

} // namespace mr::directory
