// The body of a request as Gemini's generateContent takes it; the first thing that is wrong with
// it.
#pragma once

#include "tests/emulator/provider.h"

namespace mr::emulator {

Found check_gemini(const nlohmann::json& body);

} // namespace mr::emulator
