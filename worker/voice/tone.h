// A synthesiser without a voice: a tone whose length follows the text, always the same for the same
// clause. For demonstrations and tests without an engine (STUB_ELEVENLABS).
#pragma once

#include "worker/voice/synthesiser.h"

#include <cstdint>
#include <memory>

namespace mr::voice {

inline constexpr int64_t kToneMsPerByte = 60; // about as long as it would take to say it
inline constexpr int64_t kTonePieceMs = 100;

std::shared_ptr<Synthesiser> make_tone();

} // namespace mr::voice
