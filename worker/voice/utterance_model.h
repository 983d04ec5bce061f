// A recogniser of whole windows of sound, without any idea of where speech begins or ends: an
// embedded engine. local_recogniser.h makes streams of it, with a voice activity detector and
// endpointing; a growing window recognised again gives partial transcripts.
//
// Blocking, and called on threads of a pool: one instance is used by one thread at a time.
#pragma once

#include "worker/voice/audio.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mr::voice {

struct Heard {
    std::string text; // plain words; empty: nothing was said
    std::optional<double> confidence;
};

class UtteranceModel {
  public:
    virtual ~UtteranceModel() = default;
    // `given_up` may become true meanwhile: returns soon, with anything. Throws std::exception
    // whose text is for logs.
    virtual Heard recognise(PcmView samples, const std::atomic<bool>& given_up) = 0;
};

// Weights are loaded once per process; each thread of the pool has a model of its own.
class UtteranceModelFactory {
  public:
    virtual ~UtteranceModelFactory() = default;
    virtual std::string_view engine() const = 0;
    virtual std::unique_ptr<UtteranceModel> make() = 0;
};

} // namespace mr::voice
