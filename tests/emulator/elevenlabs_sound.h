// What the emulated voices sound like: a tone as long as its text, 60 ms a character if nothing
// else is said.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mr::emulator {

inline constexpr unsigned kMsPerCharacter = 60;

// 16-bit samples, little endian, of so many characters of text; two minutes at most.
std::string elevenlabs_tone(std::size_t characters, unsigned rate,
                            unsigned character_ms = kMsPerCharacter);
// Samples a second of "pcm_16000"; 0: it is no format of PCM that ElevenLabs has.
unsigned elevenlabs_rate(std::string_view format);
// Whether ElevenLabs has it, PCM or not.
bool elevenlabs_has_format(std::string_view format);

} // namespace mr::emulator
