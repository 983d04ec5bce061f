// Samples to MP3 (MPEG-1/2 Audio Layer III, ISO/IEC 11172-3, 13818-3), mono, at a constant bit
// rate, piece by piece: libmp3lame behind it. The first bytes come after some 100 ms of sound.
// Takes a hundredth of the time that the sound takes to play, so it may run on the event loop, a
// piece at a time.
#pragma once

#include "worker/voice/audio.h"

#include <memory>
#include <string>

struct lame_global_struct;

namespace mr::voice {

inline constexpr int kMp3KbitPerSecond = 48;

class Mp3Encoder {
  public:
    // 8 to 48 kHz, one of MPEG's rates. Throws VoiceError{bad_input} for another one.
    explicit Mp3Encoder(unsigned sample_rate);

    // Appends what is ready. Throws std::runtime_error when lame gives up.
    void encode(PcmView samples, std::string& out);
    // Appends the rest; nothing follows.
    void finish(std::string& out);

  private:
    struct Close {
        void operator()(lame_global_struct* lame) const;
    };
    std::unique_ptr<lame_global_struct, Close> lame_;
};

} // namespace mr::voice
