// A voice activity detector by loudness alone, for where no better one is: how far a frame stands
// above the quietest of the last two seconds. Steady noise is taken for silence after that time;
// music and other people's voices are taken for speech.
#pragma once

#include "worker/voice/vad.h"

namespace mr::voice {

class EnergyVadFactory final : public VadFactory {
  public:
    std::string_view engine() const override { return "energy"; }
    std::unique_ptr<Vad> make() override;
};

} // namespace mr::voice
