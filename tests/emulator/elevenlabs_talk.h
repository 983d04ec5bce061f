// One WebSocket of ElevenLabs' (`stream-input`), from the upgrade to the end: texts come, sound
// goes, with the characters that it is of, and what a script has it do wrong.
#pragma once

#include "tests/emulator/answer.h"
#include "tests/emulator/behaviour.h"

#include <chrono>

namespace mr::emulator {

inline constexpr std::size_t kMaxNotedTexts = 1'000; // in the record

struct TalkOptions {
    unsigned rate = 16'000;
    bool auto_mode = false;
    std::chrono::milliseconds inactivity{20'000};
};

// `how.answer` has the emulator's own settings: {"idle_ms", "character_ms", "piece_ms" (of sound in
// a message), "alignment": false, "close_code", "close_reason" (of end_at)}. Places count
// milliseconds of sound.
Dialogue elevenlabs_dialogue(TalkOptions options, Behaviour how);

} // namespace mr::emulator
