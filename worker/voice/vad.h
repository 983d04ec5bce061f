// Voice activity detector: how likely a frame is speech. Frames have one fixed length and follow
// one another; the detector remembers what came before.
#pragma once

#include "worker/voice/audio.h"

#include <cstddef>
#include <memory>
#include <string_view>

namespace mr::voice {

inline constexpr size_t kVadFrame = 512; // samples: 32 ms, Silero's

class Vad {
  public:
    virtual ~Vad() = default;
    // `frame` has kVadFrame samples. 0 to 1. Does not block; Silero takes 0.5 ms and is therefore
    // called on a thread of its own.
    virtual double probability(PcmView frame) = 0;
    virtual void reset() = 0; // another stream begins
};

class VadFactory {
  public:
    virtual ~VadFactory() = default;
    virtual std::string_view engine() const = 0; // "silero", "energy"
    virtual std::unique_ptr<Vad> make() = 0;
};

} // namespace mr::voice
