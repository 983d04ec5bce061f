// Cuts what one utterance holds into windows that the model takes. Pure.
#pragma once

#include "worker/voice/audio.h"

#include <vector>

namespace mr::voice::moonshine {

inline constexpr int64_t kMaxWindowMs = 30'000; // as long as what Moonshine was trained on
inline constexpr size_t kMaxWindows = 4;        // what is behind them is not recognised

// One window where it fits. Longer sound is cut at the quietest place of the last sixth of each
// window, where a pause between words is likely. Views of `samples`.
std::vector<PcmView> cut_windows(PcmView samples);

// Nothing that could be speech: no sample is louder than about -60 dB of full scale.
bool is_silent(PcmView samples);

} // namespace mr::voice::moonshine
