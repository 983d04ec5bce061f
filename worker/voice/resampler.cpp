#include "worker/voice/resampler.h"

#include "worker/voice/fault.h"

#include <speex/speex_resampler.h>

#include <algorithm>
#include <new>
#include <string>

namespace mr::voice {
namespace {

// Of 0 to 10. 3 leaves the band of speech alone and takes some 0.5 % of a core per stream.
constexpr int kQuality = 3;
// Room for the output of one call; the rest of a longer input follows in further calls.
constexpr size_t kStepSamples = 1024;

} // namespace

bool is_voice_input_rate(unsigned rate) noexcept {
    return std::ranges::find(kVoiceInputRates, rate) != kVoiceInputRates.end();
}

void Resampler::Free::operator()(SpeexResamplerState_* state) const noexcept {
    speex_resampler_destroy(state);
}

Resampler::Resampler(unsigned from_rate) : rate_(from_rate) {
    if (!is_voice_input_rate(from_rate)) {
        throw VoiceError(VoiceFault::bad_input,
                         "sound at " + std::to_string(from_rate) +
                             " samples a second is not taken; 16000 is best, 8000, 22050, 24000, "
                             "32000, 44100 and 48000 are converted");
    }
    if (rate_ == kVoiceRate) {
        return;
    }
    int error = 0;
    state_.reset(speex_resampler_init(1, rate_, kVoiceRate, kQuality, &error));
    if (!state_) {
        throw std::bad_alloc(); // the only way this can fail with a rate of the table
    }
    speex_resampler_skip_zeros(state_.get()); // the first output is the first input's moment
}

uint64_t Resampler::place(uint64_t input_samples) const noexcept {
    return input_samples * kVoiceRate / rate_;
}

void Resampler::add(PcmView samples, Pcm& out) {
    taken_ += samples.size();
    if (!state_) {
        out.insert(out.end(), samples.begin(), samples.end());
        made_ += samples.size();
        return;
    }
    feed(samples, out);
}

void Resampler::feed(PcmView samples, Pcm& out) {
    while (!samples.empty()) {
        std::array<Sample, kStepSamples> made{};
        spx_uint32_t in = static_cast<spx_uint32_t>(std::min(samples.size(), kStepSamples));
        spx_uint32_t made_count = kStepSamples;
        speex_resampler_process_int(state_.get(), 0, samples.data(), &in, made.data(), &made_count);
        samples = samples.subspan(in);
        out.insert(out.end(), made.begin(), made.begin() + made_count);
        made_ += made_count;
    }
}

void Resampler::finish(Pcm& out) {
    if (!state_) {
        return;
    }
    // Silence pushes the end through the filter; what it makes beyond the end is cut off.
    const uint64_t whole = place(taken_);
    const Pcm silence(static_cast<size_t>(speex_resampler_get_input_latency(state_.get())) +
                      rate_ / 100);
    while (made_ < whole) {
        feed(silence, out);
    }
    out.resize(out.size() - std::min(out.size(), static_cast<size_t>(made_ - whole)));
    made_ = whole;
}

} // namespace mr::voice
