// Silero VAD, version 5: a small recurrent model that says of each 32 ms how likely they are speech
// (https://github.com/snakers4/silero-vad). Weights are shared; what a stream has heard is its own.
#pragma once

#include "worker/voice/onnx/runtime.h"
#include "worker/voice/vad.h"

#include <filesystem>
#include <memory>

namespace mr::voice {

struct SileroOptions {
    std::filesystem::path model; // silero_vad_v5.onnx
};

// Loads the weights: blocks for about 0.1 s. Throws onnx::Error. The detectors may throw it too,
// which does not happen with a model that has once run.
std::unique_ptr<VadFactory> load_silero(std::shared_ptr<const onnx::Runtime> runtime,
                                        const SileroOptions& options);

} // namespace mr::voice
