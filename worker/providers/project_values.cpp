#include "worker/providers/project_values.h"

namespace mr {

std::vector<std::string> project_values(const ProjectScope& scope, std::string_view what,
                                        std::string_view field, std::size_t most,
                                        const std::string& provider) {
    std::vector<std::string> values;
    for (const Project& project : scope.projects) {
        const std::string& value = what == "id"     ? project.id
                                   : what == "name" ? project.name
                                                    : project.code;
        if (field.empty() || value.empty() || scope.projects.size() > most) {
            throw ProviderError(ProviderFault::filter,
                                "the project filter cannot be applied to " + provider);
        }
        values.push_back(value);
    }
    return values;
}

} // namespace mr
