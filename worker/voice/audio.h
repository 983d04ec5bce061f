// Sound inside the worker: 16-bit signed mono samples of the machine's byte order, at kVoiceRate
// unless said otherwise. Places in a stream are counted in samples from its beginning, so that a
// client, a recogniser and a log speak of the same moment whatever was lost between them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace mr::voice {

inline constexpr unsigned kVoiceRate = 16'000; // samples a second: what recognisers hear

using Sample = int16_t;
using Pcm = std::vector<Sample>;
using PcmView = std::span<const Sample>;

// Whole milliseconds, rounded down.
constexpr int64_t to_ms(uint64_t samples, unsigned rate = kVoiceRate) {
    return static_cast<int64_t>(samples * 1000 / rate);
}
constexpr uint64_t to_samples(int64_t ms, unsigned rate = kVoiceRate) {
    return ms <= 0 ? 0 : static_cast<uint64_t>(ms) * rate / 1000;
}

} // namespace mr::voice
