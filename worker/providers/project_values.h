// What a provider's own field or property says of the projects in scope.
#pragma once

#include "worker/providers/interfaces.h"

#include <string>
#include <string_view>
#include <vector>

namespace mr {

// In the order of the scope's projects; empty: all projects are meant. `what` is "id", "code" or
// "name"; `field` is where the provider has it. Throws ProviderError{filter} that names the
// provider when there is no field, a project has no such value, or there are more than `most`, and
// where the scope has only names that nobody knows.
std::vector<std::string> project_values(const ProjectScope& scope, std::string_view what,
                                        std::string_view field, std::size_t most,
                                        const std::string& provider);

} // namespace mr
