// The body of a request as Anthropic Messages takes it; the first thing that is wrong with it.
#pragma once

#include "tests/emulator/provider.h"

namespace mr::emulator {

Found check_anthropic(const nlohmann::json& body, const std::string& version);

} // namespace mr::emulator
