// Deepgram's live recognition as a Recogniser: each stream is a WebSocket to it, which is begun
// again when it breaks, with the audio that was not recognised for good.
#pragma once

#include "worker/voice/deepgram/options.h"

#include <memory>

namespace mr::voice::deepgram {

// Throws std::runtime_error when the file of authorities cannot be read. open() connects: it throws
// VoiceError{refused} for a key, plan or parameter that is not taken, {unavailable} when Deepgram
// is away or all places are taken. Streams may outlive the recogniser.
std::unique_ptr<Recogniser> make_recogniser(Options options);

} // namespace mr::voice::deepgram
