// Moonshine tiny (English, 8-bit weights): the embedded recogniser, made for short utterances on
// one thread of an ordinary processor. Weights, 28 MB, and library as scripts/mr/voice.sh fetches
// them.
#pragma once

#include "worker/voice/onnx/runtime.h"
#include "worker/voice/utterance_model.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace mr::voice {

struct MoonshineOptions {
    std::filesystem::path folder; // encoder_model.onnx, decoder_model_merged.onnx, vocabulary.txt
    // More than that nobody speaks: where the model writes more, it has lost its way (6.5 is its
    // authors' bound; short words spoken fast need somewhat more).
    double max_tokens_per_second = 8;
    // Texts of what is likely to be said here, names among them: preferred to what sounds alike.
    // Case does not matter; years are written in digits.
    std::vector<std::string> examples = {};
};

// Loads the weights: blocks for about a second. Throws onnx::Error: file, cause, cure. Models that
// it makes hold no memory of what they have heard, and cost next to nothing.
std::unique_ptr<UtteranceModelFactory> load_moonshine(std::shared_ptr<const onnx::Runtime> runtime,
                                                      const MoonshineOptions& options);

} // namespace mr::voice
