// Deepgram without a WebSocket: whole sound recognised at once, and the list of models.
#pragma once

#include "tests/emulator/answer.h"
#include "tests/emulator/behaviour.h"
#include "tests/emulator/deepgram_ear.h"

#include <string>
#include <string_view>
#include <vector>

namespace mr::emulator {

// Of raw samples (s16le), as the ear hears them. `how.answer` may have "words".
Answer deepgram_recorded(EarOptions options, std::string_view sound, const Behaviour& how);
// "nova-3" is listed as Deepgram lists it: nova-3-general, for English and some other languages.
Answer deepgram_models(const std::vector<std::string>& models, const std::string& request_id);

} // namespace mr::emulator
