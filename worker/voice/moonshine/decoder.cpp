#include "worker/voice/moonshine/decoder.h"

#include "worker/voice/audio.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mr::voice::moonshine {
namespace {

constexpr int64_t kHeads = 8;
constexpr int64_t kHeadSize = 36;
constexpr size_t kUsualWindow = 10 * kVoiceRate; // longer ones cost memory by their square
// Added to the logits of names. More to begin one, and names are heard where none was said.
constexpr float kBeginName = 1.5F;
constexpr float kWithinName = 3;
constexpr size_t kLongestLoop = 10; // tokens that repeat
// A caller may well say "five" a few times; nobody says one thing this often.
constexpr size_t kLoopTokens = 12;
constexpr size_t kLoopRounds = 4;

struct Choice {
    int64_t token = kTextEnd;
    float likelihood = 0;
};

// The likeliest of the tokens that are text, or the end. Those behind the vocabulary stand for
// times, and are of no use here.
Choice likeliest(std::span<const float> logits, size_t pieces, const Phrases::Walk& walk) {
    if (logits.size() < pieces) {
        throw onnx::Error("Moonshine's decoder knows fewer tokens than its vocabulary");
    }
    const auto first = logits.begin() + kTextEnd;
    const auto best = std::max_element(first, logits.begin() + static_cast<ptrdiff_t>(pieces));
    Choice choice;
    choice.token = best - logits.begin();
    float score = *best;
    walk.each([&](int64_t token, bool within) {
        const float preferred =
            logits[static_cast<size_t>(token)] + (within ? kWithinName : kBeginName);
        if (preferred > score) {
            choice.token = token;
            score = preferred;
        }
    });
    float sum = 0;
    for (const float logit : logits) {
        sum += std::exp(logit - *best);
    }
    const float chosen = std::exp(logits[static_cast<size_t>(choice.token)] - *best);
    choice.likelihood = std::isfinite(sum) && sum > 0 ? chosen / sum : 0;
    return choice;
}

} // namespace

size_t length_without_loop(std::span<const int64_t> tokens) {
    for (size_t period = 1; period <= kLongestLoop; ++period) {
        const size_t needed = std::max(kLoopTokens, kLoopRounds * period);
        if (tokens.size() < needed) {
            break;
        }
        size_t same = period;
        while (same < tokens.size() &&
               tokens[tokens.size() - 1 - same] == tokens[tokens.size() - 1 - same + period]) {
            ++same;
        }
        if (same >= needed) {
            return tokens.size() - same + period;
        }
    }
    return tokens.size();
}

// past_key_values.0.decoder.key, .value, .0.encoder.key, … in the order of the graph.
Weights::Names::Names() {
    size_t at = 0;
    for (size_t layer = 0; layer < kLayers; ++layer) {
        for (const char* kept : {"decoder.key", "decoder.value", "encoder.key", "encoder.value"}) {
            const std::string tail = "." + std::to_string(layer) + "." + kept;
            past[at] = "past_key_values" + tail;
            present[at] = "present" + tail;
            ++at;
        }
    }
}

Weights::Weights(std::shared_ptr<const onnx::Runtime> runtime, const std::filesystem::path& folder,
                 std::span<const std::string> phrases)
    : encoder_(runtime, folder / "encoder_model.onnx"),
      decoder_(runtime, folder / "decoder_model_merged.onnx"),
      vocabulary_(Vocabulary::load(folder / "vocabulary.txt")), phrases_(vocabulary_, phrases) {
    encoder_.expect(1, 1);
    decoder_.expect(kKept + 3, kKept + 1);
}

// One window being written down.
class Weights::Run {
  public:
    Run(const Weights& weights, std::span<float> window)
        : weights_(weights), walk_(weights.phrases_) {
        using onnx::Value;
        const onnx::Runtime& runtime = weights.runtime();
        const auto length = static_cast<int64_t>(window.size());
        const Value sound = Value::view(runtime, window, {1, length});
        const std::array<onnx::Model::Input, 1> in{{{"input_values", &sound}}};
        const std::array<onnx::Model::Output, 1> out{{{"last_hidden_state", &hidden_}}};
        weights.encoder_.run(in, out,
                             window.size() > kUsualWindow ? onnx::Model::Memory::give_back
                                                          : onnx::Model::Memory::keep);
        token_value_ = Value::view(runtime, token_, {1, 1});
        later_value_ = Value::view(runtime, later_);
        for (Value& kept : kept_) {
            kept = Value::view(runtime, std::span<float>(nothing_).first(0),
                               {0, kHeads, 1, kHeadSize});
        }
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    Choice next(int64_t token) {
        token_[0] = token;
        onnx::Value logits;
        std::array<onnx::Value, kKept> made;
        step(logits, made);
        later_ = true;
        const Choice choice = likeliest(logits.floats(), weights_.vocabulary_.size(), walk_);
        walk_.take(choice.token);
        return choice;
    }

  private:
    // What the sound means to each layer (its "encoder" tensors) is computed with the first token
    // and stays; what the text so far means grows with each.
    void step(onnx::Value& logits, std::array<onnx::Value, kKept>& made) {
        std::array<onnx::Model::Input, kKept + 3> in;
        std::array<onnx::Model::Output, kKept + 1> out;
        size_t ins = 0;
        size_t outs = 0;
        in[ins++] = {"input_ids", &token_value_};
        in[ins++] = {"encoder_hidden_states", &hidden_};
        out[outs++] = {"logits", &logits};
        for (size_t i = 0; i < kKept; ++i) {
            in[ins++] = {weights_.names_.past[i].c_str(), &kept_[i]};
            if (grows(i) || !later_) {
                out[outs++] = {weights_.names_.present[i].c_str(), &made[i]};
            }
        }
        in[ins++] = {"use_cache_branch", &later_value_};
        weights_.decoder_.run(std::span(in).first(ins), std::span(out).first(outs));
        for (size_t i = 0; i < kKept; ++i) {
            if (made[i]) {
                kept_[i] = std::move(made[i]);
            }
        }
    }
    static constexpr bool grows(size_t i) { return i % 4 < 2; }

    const Weights& weights_;
    Phrases::Walk walk_;
    std::array<float, 1> nothing_{};
    std::array<int64_t, 1> token_{kTextBegin};
    bool later_ = false;
    onnx::Value hidden_, token_value_, later_value_;
    std::array<onnx::Value, kKept> kept_;
};

Weights::Tokens Weights::decode(std::span<float> window, size_t limit,
                                const std::atomic<bool>& given_up) const {
    Tokens result;
    Run run(*this, window);
    int64_t token = kTextBegin;
    while (result.tokens.size() < limit && !given_up.load(std::memory_order_relaxed)) {
        const Choice choice = run.next(token);
        if (choice.token == kTextEnd) {
            break;
        }
        token = choice.token;
        result.tokens.push_back(token);
        result.likelihood.push_back(choice.likelihood);
        const size_t sane = length_without_loop(result.tokens);
        if (sane < result.tokens.size()) {
            result.tokens.resize(sane);
            result.likelihood.resize(sane);
            result.looped = true;
            break;
        }
    }
    return result;
}

} // namespace mr::voice::moonshine
