// One live stream of Deepgram's, from the upgrade to the end: what it answers to audio and control
// messages, when it closes, and what a script has it do wrong.
#pragma once

#include "tests/emulator/answer.h"
#include "tests/emulator/behaviour.h"
#include "tests/emulator/deepgram_ear.h"

namespace mr::emulator {

inline constexpr std::size_t kMaxNotedControls = 1'000; // types of text messages, in the record

// `how.answer` has the emulator's own settings: {"words": [text, …], "idle_ms", "final_ms",
// "interim_ms", "noisy", "finalize_silent", "dead", "close_code", "close_reason"}.
Dialogue deepgram_dialogue(EarOptions options, Behaviour how);

} // namespace mr::emulator
