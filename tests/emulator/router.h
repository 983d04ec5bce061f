// Which provider a request means: by its real host name, else by a first path segment that names
// the provider, else by a path that only one of them has.
#pragma once

#include "tests/emulator/exchange.h"

#include <string>

namespace mr::emulator {

struct Route {
    std::string provider; // empty: none
    std::string path;     // decoded, without the prefix
};

Route route(const Request& request);

} // namespace mr::emulator
