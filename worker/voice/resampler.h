// Sound of a microphone at its own rate, as it comes, to kVoiceRate (libspeexdsp). Keeps places:
// the n-th sample that comes out is the moment n / kVoiceRate of what went in, from the first call
// on; the delay of the filter is taken out. It knows no formats and no channels.
#pragma once

#include "worker/voice/audio.h"

#include <array>
#include <memory>

struct SpeexResamplerState_;

namespace mr::voice {

// What a client may send.
inline constexpr std::array<unsigned, 7> kVoiceInputRates = {8'000,  16'000, 22'050, 24'000,
                                                             32'000, 44'100, 48'000};
bool is_voice_input_rate(unsigned rate) noexcept;

class Resampler {
  public:
    // Throws VoiceError{bad_input} for a rate that is none of kVoiceInputRates.
    explicit Resampler(unsigned from_rate);

    // Appends to `out` what is known by now: some milliseconds less than went in (half the filter).
    void add(PcmView samples, Pcm& out);
    // The stream is over: appends what was held back. In all, input * kVoiceRate / rate samples.
    void finish(Pcm& out);

    // The place at kVoiceRate of a place in the input.
    uint64_t place(uint64_t input_samples) const noexcept;

  private:
    struct Free {
        void operator()(SpeexResamplerState_* state) const noexcept;
    };
    void feed(PcmView samples, Pcm& out);

    unsigned rate_;
    std::unique_ptr<SpeexResamplerState_, Free> state_; // none: nothing to do
    uint64_t taken_ = 0;
    uint64_t made_ = 0;
};

} // namespace mr::voice
