// Users who speak: recorded questions, sent as a microphone would, the answers heard. Times are
// counted from the moment at which the last sample of the question was due.
#pragma once

#include "bench/tool/common.h"

#include <string>
#include <vector>

namespace mr::bench {

struct VoiceOptions {
    uint64_t sessions = 8;
    std::vector<std::string> recordings; // WAV: 16 bit, mono, 16 kHz; spoken in turn
    uint64_t questions = 3;              // of each session
    double pause_s = 0.5;                // between an answer and the next question
    bool heard = true;                   // answers are spoken
    double limit_s = 60;                 // for one answer
};

// Samples of a WAV file of that form. Throws std::runtime_error.
std::vector<int16_t> read_wav(const std::string& path);

Result run_voice(const Common& common, const VoiceOptions& options);

} // namespace mr::bench
