#include "worker/voice/mp3.h"

#include "worker/voice/fault.h"

#include <lame/lame.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace mr::voice {
namespace {

constexpr int kQuality = 5;             // lame's, 0 best to 9 fastest
constexpr size_t kSamplesAtOnce = 8192; // bounds the buffer
// What lame may write for so many samples (lame.h: 1.25 * samples + 7200).
constexpr size_t kOutBytes = kSamplesAtOnce * 5 / 4 + 7200;

} // namespace

void Mp3Encoder::Close::operator()(lame_global_struct* lame) const {
    lame_close(lame);
}

Mp3Encoder::Mp3Encoder(unsigned sample_rate) : lame_(lame_init()) {
    if (!lame_) {
        throw std::runtime_error("lame: out of memory");
    }
    lame_global_struct* lame = lame_.get();
    const int rate = static_cast<int>(sample_rate);
    lame_set_num_channels(lame, 1);
    lame_set_mode(lame, MONO);
    lame_set_in_samplerate(lame, rate);
    lame_set_out_samplerate(lame, rate); // no resampling, no delay of its own
    lame_set_brate(lame, kMp3KbitPerSecond);
    lame_set_quality(lame, kQuality);
    lame_set_bWriteVbrTag(lame, 0); // it would have to be written last, in front
    lame_set_disable_reservoir(lame, 1);
    lame_set_write_id3tag_automatic(lame, 0);
    if (lame_init_params(lame) < 0 || lame_get_out_samplerate(lame) != rate) {
        throw VoiceError(VoiceFault::bad_input,
                         "speech at " + std::to_string(sample_rate) + " Hz has no MP3 form");
    }
}

void Mp3Encoder::encode(PcmView samples, std::string& out) {
    while (!samples.empty()) {
        const size_t count = std::min(samples.size(), kSamplesAtOnce);
        const size_t before = out.size();
        out.resize(before + kOutBytes);
        const int written = lame_encode_buffer(
            lame_.get(), samples.data(), nullptr, static_cast<int>(count),
            reinterpret_cast<unsigned char*>(out.data() + before), static_cast<int>(kOutBytes));
        out.resize(before + static_cast<size_t>(std::max(written, 0)));
        if (written < 0) {
            throw std::runtime_error("lame: error " + std::to_string(written));
        }
        samples = samples.subspan(count);
    }
}

void Mp3Encoder::finish(std::string& out) {
    const size_t before = out.size();
    out.resize(before + kOutBytes);
    const int written =
        lame_encode_flush(lame_.get(), reinterpret_cast<unsigned char*>(out.data() + before),
                          static_cast<int>(kOutBytes));
    out.resize(before + static_cast<size_t>(std::max(written, 0)));
    if (written < 0) {
        throw std::runtime_error("lame: error " + std::to_string(written));
    }
}

} // namespace mr::voice
