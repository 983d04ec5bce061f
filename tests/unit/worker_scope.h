// A project in scope, for the clients of data providers.
#pragma once

#include "worker/providers/types.h"

#include <string>

namespace mr::test {

inline ProjectScope harbor_point(const std::string& code = "HP-1") {
    ProjectScope scope;
    scope.projects.push_back({"7", "Harbor Point", code});
    return scope;
}

} // namespace mr::test
