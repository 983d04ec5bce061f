// What voice in a chat session works with: the engines, what turns an answer into clauses, and the
// numbers it keeps to. Built once per worker, used by all its sessions; holds no state of any.
#pragma once

#include "worker/voice/audio.h"
#include "worker/voice/recogniser.h"
#include "worker/voice/synthesiser.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mr {

struct VoiceClause {
    std::string spoken;  // worded for the ear, at most voice::kMaxSegmentBytes
    std::string caption; // as the user reads it while it is spoken
    size_t begin = 0;    // the bytes of the answer that it stands for
    size_t end = 0;
};

// Cuts one answer into what is spoken of it, while it is written.
class VoiceClauses {
  public:
    virtual ~VoiceClauses() = default;
    virtual void add(std::string_view text) = 0;
    virtual void end() = 0; // no text follows
    // The next clause that is complete; null: none yet, or behind end() none any more.
    virtual std::optional<VoiceClause> next() = 0;
};

// Appends what `in` is at voice::kVoiceRate. Of one stream: remembers what came before.
using Resample = std::function<void(voice::PcmView in, voice::Pcm& out)>;

// While the phases of a turn take their time and nothing has been spoken yet.
enum class SpokenProgress : unsigned char {
    off,
    words, // what the phase says of itself
    chime,
};

struct VoiceOptions {
    std::string language = "en";                     // where a client names none
    std::chrono::milliseconds silence_limit{30'000}; // a microphone without sound is closed
    std::chrono::milliseconds speech_ahead{3'000};   // of real time, at most
    SpokenProgress progress = SpokenProgress::words;
    std::chrono::milliseconds progress_after{1'500};
    std::chrono::milliseconds progress_every{6'000};
    unsigned max_progress = 3;                  // of one answer
    std::chrono::milliseconds listeners{5'000}; // looked for so often while somebody is spoken to
    // The client of a microphone without sound is looked for so often, twice: together as long as
    // what it keeps to send again.
    std::chrono::milliseconds clients{2'500};
    size_t max_spoken_bytes = 8'000; // of one answer; what follows is only written
};

struct VoiceServices {
    std::shared_ptr<voice::Recogniser> recogniser;          // null: nothing is heard
    std::string no_recogniser;                              // then: why, for the user
    std::shared_ptr<voice::Synthesiser> synthesiser;        // null: nothing is spoken
    std::function<std::unique_ptr<VoiceClauses>()> clauses; // needed with a synthesiser
    // For a microphone of that rate; throws voice::VoiceError{bad_input} for one it does not take.
    // Empty: only voice::kVoiceRate is taken.
    std::function<Resample(unsigned from_rate)> resampler;
    VoiceOptions options;
};

} // namespace mr
