// One call of flite: a text in, pieces of sound out. Blocking.
#pragma once

#include "worker/voice/audio.h"

#include <functional>
#include <string>
#include <string_view>

namespace mr::voice {

bool flite_has_voice(std::string_view name);

// Gives the sound to `piece` as it is made, some 20 ms a time; `piece` returns false to end it. One
// call at a time in a process: others wait here. False: flite has made nothing of the text.
bool flite_speak(const std::string& voice, const std::string& text, double speed,
                 const std::function<bool(PcmView samples)>& piece);

} // namespace mr::voice
