// The bodies of requests as Gemini's generateContent and countTokens take them; the first thing
// that is wrong with one.
#pragma once

#include "tests/emulator/provider.h"

namespace mr::emulator {

Found check_gemini(const nlohmann::json& body);
Found check_gemini_count(const nlohmann::json& body);

} // namespace mr::emulator
