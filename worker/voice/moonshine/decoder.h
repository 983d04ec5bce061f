// Moonshine's two graphs: the encoder, which takes sound as it is, and the decoder, which writes
// one token at a time and is given what it computed for the tokens before (the merged decoder of
// Optimum's export: one graph for the first token and for the others). What is written is found by
// beam search. (https://github.com/moonshine-ai/moonshine)
#pragma once

#include "worker/voice/moonshine/beam.h"
#include "worker/voice/moonshine/vocabulary.h"
#include "worker/voice/onnx/runtime.h"

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mr::voice::moonshine {

// Read-only once loaded, and shared by all threads.
class Weights {
  public:
    // `folder` has encoder_model.onnx, decoder_model_merged.onnx and vocabulary.txt of the tiny
    // English model; `examples` are texts of what is likely to be said. Throws onnx::Error.
    Weights(std::shared_ptr<const onnx::Runtime> runtime, const std::filesystem::path& folder,
            const std::vector<std::string>& examples);

    const onnx::Runtime& runtime() const noexcept { return encoder_.runtime(); }
    const Vocabulary& vocabulary() const noexcept { return vocabulary_; }

    struct Tokens {
        std::vector<int64_t> tokens;   // without the markers
        std::vector<float> likelihood; // of each, 0 to 1
        bool looped = false;           // it had begun to repeat itself, and was stopped
    };
    // One window, full scale being 1. At most `limit` tokens. Ends soon once `given_up`.
    Tokens decode(std::span<float> window, size_t limit, const std::atomic<bool>& given_up) const;

  private:
    static constexpr size_t kLayers = 6;
    static constexpr size_t kKept = kLayers * 4; // tensors: two attentions, keys and values
    struct Names {
        std::array<std::string, kKept> past, present;
        Names();
    };
    class Run;

    onnx::Model encoder_;
    onnx::Model decoder_;
    Vocabulary vocabulary_;
    std::optional<WordModel> words_;
    Names names_;
};

// The length of a text that ends in so many repetitions of one piece that the model must have lost
// its way, with the first of them kept; the whole length otherwise. Pure.
size_t length_without_loop(std::span<const int64_t> tokens);

} // namespace mr::voice::moonshine
