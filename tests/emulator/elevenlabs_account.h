// What an account of ElevenLabs has: voices, models, an allowance. JSON as its API gives it.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mr::emulator {

bool elevenlabs_has_voice(const std::string& id);
// Whose name has these letters in it, in any case; empty: all.
nlohmann::json elevenlabs_voices(const std::string& search);
std::optional<nlohmann::json> elevenlabs_voice(const std::string& id);
nlohmann::json elevenlabs_models(const std::vector<std::string>& ids);
nlohmann::json elevenlabs_subscription(); // a tenth of its characters used

} // namespace mr::emulator
