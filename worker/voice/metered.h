// Engines with what they do counted, whichever they are: metrics/voice_meters.h. Event loop only.
#pragma once

#include "worker/voice/recogniser.h"
#include "worker/voice/synthesiser.h"

#include <cstddef>
#include <memory>

namespace mr::voice {

// `places`: streams that the engine has at a time; 0: without a limit.
std::unique_ptr<Recogniser> metered(std::unique_ptr<Recogniser> inner, size_t places);
std::shared_ptr<Synthesiser> metered(std::shared_ptr<Synthesiser> inner, size_t places);

} // namespace mr::voice
