// Projects by their names: what a company calls its projects, and the search among them that takes
// names as people write them: shortened, misspelt, without "the". Built once, never changed; pure.
#pragma once

#include "worker/providers/interfaces.h"
#include "worker/providers/local/vocabulary.h"

#include <memory>
#include <string>
#include <vector>

namespace mr::directory {

inline constexpr std::size_t kMaxProjects = 20'000;
inline constexpr std::size_t kMaxNamesOfProject = 50;
inline constexpr std::size_t kMaxFileBytes = 16 * 1024 * 1024;

struct ListedProject {
    Project project;
    std::vector<std::string> aliases; // beside its name and code
};

class ProjectList {
  public:
    explicit ProjectList(std::vector<ListedProject> projects);

    // One match per name, in the same order.
    std::vector<ProjectMatch> lookup(const std::vector<std::string>& names) const;
    std::size_t size() const { return projects_.size(); }

  private:
    std::vector<Project> projects_;
    local::Vocabulary vocabulary_; // its aliases alone
};

// A JSON array of {"id", "name", "code", "aliases": […]}: id and name are needed, ids are unique.
// Throws std::runtime_error that says what is wrong and where.
ProjectList parse_project_list(const std::string& json);
ProjectList read_project_list(const std::string& path);

std::unique_ptr<ProjectDirectory> make_directory(ProjectList projects);

} // namespace mr::directory
