#include "worker/providers/project_values.h"

namespace mr {

std::vector<std::string> project_values(const ProjectScope& scope, std::string_view what,
                                        std::string_view field, std::size_t most,
                                        const std::string& provider) {
    if (scope.unanswerable()) {
        throw ProviderError(ProviderFault::filter, "the project filter names no known project");
    }
    const auto refuse = [&provider](const std::string& why) {
        throw ProviderError(ProviderFault::filter,
                            "the project filter cannot be applied to " + provider + ": " + why);
    };
    if (scope.filtered() && field.empty()) {
        refuse("nothing there says whose project it is");
    }
    if (scope.projects.size() > most) {
        refuse("it names too many projects");
    }
    std::vector<std::string> values;
    for (const Project& project : scope.projects) {
        const std::string& value = what == "id"     ? project.id
                                   : what == "name" ? project.name
                                                    : project.code;
        if (value.empty()) {
            refuse("a project has no " + std::string(what));
        }
        values.push_back(value);
    }
    return values;
}

} // namespace mr
