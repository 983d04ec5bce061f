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
constexpr size_t kMaxCandidates = 32;
constexpr float kNoShare = 17;      // logits so far below the best are no part of the sum
constexpr size_t kLongestLoop = 10; // tokens that repeat
// A caller may well say "five" a few times; nobody says one thing this often.
constexpr size_t kLoopTokens = 12;
constexpr size_t kLoopRounds = 4;

// The likeliest of the tokens that are text, or the end, the best first. Those behind the
// vocabulary stand for times, and are of no use here.
std::vector<Candidate> candidates(std::span<const float> logits, const Vocabulary& vocabulary,
                                  float within) {
    if (logits.size() < vocabulary.size()) {
        throw onnx::Error("Moonshine's decoder knows fewer tokens than its vocabulary");
    }
    const std::span<const float> text = logits.first(vocabulary.size()).subspan(kTextEnd);
    const float best = *std::ranges::max_element(text);
    float sum = 0;
    for (const float logit : logits) {
        sum += logit > best - kNoShare ? std::exp(logit - best) : 0;
    }
    const float all = std::isfinite(sum) && sum > 0 ? std::log(sum) : 0;
    std::vector<Candidate> found;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] >= best - within) {
            const int64_t token = static_cast<int64_t>(i) + kTextEnd;
            found.push_back({token, vocabulary.piece(token), text[i] - best - all});
        }
    }
    std::ranges::sort(found, std::ranges::greater{}, &Candidate::log_likelihood);
    found.resize(std::min(found.size(), kMaxCandidates));
    return found;
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
                 const std::vector<std::string>& examples)
    : encoder_(runtime, folder / "encoder_model.onnx"),
      decoder_(runtime, folder / "decoder_model_merged.onnx"),
      vocabulary_(Vocabulary::load(folder / "vocabulary.txt")) {
    encoder_.expect(1, 1);
    decoder_.expect(kKept + 3, kKept + 1);
    if (!examples.empty()) {
        words_.emplace(examples);
    }
}

// One window being written down, as several texts.
class Weights::Run {
  public:
    // What the decoder computed for a text: shared with those that go on with it.
    using Memory = std::array<std::shared_ptr<const onnx::Value>, kKept>;

    Run(const Weights& weights, std::span<float> window) : weights_(weights) {
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
        none_ =
            Value::view(runtime, std::span<float>(nothing_).first(0), {0, kHeads, 1, kHeadSize});
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    // What may follow a text that ends in `token`, its `memory` being that of the text without it.
    // The memory becomes that of the text with it.
    std::vector<Candidate> next(int64_t token, Memory& memory, float within) {
        token_[0] = token;
        later_ = memory.front() != nullptr;
        onnx::Value logits;
        std::array<onnx::Value, kKept> made;
        step(logits, memory, made);
        for (size_t i = 0; i < kKept; ++i) {
            if (made[i]) {
                memory[i] = std::make_shared<const onnx::Value>(std::move(made[i]));
            }
        }
        return candidates(logits.floats(), weights_.vocabulary_, within);
    }

  private:
    // What the sound means to each layer (its "encoder" tensors) is computed with the first token
    // and stays; what the text so far means grows with each.
    void step(onnx::Value& logits, const Memory& memory, std::array<onnx::Value, kKept>& made) {
        std::array<onnx::Model::Input, kKept + 3> in;
        std::array<onnx::Model::Output, kKept + 1> out;
        size_t ins = 0;
        size_t outs = 0;
        in[ins++] = {"input_ids", &token_value_};
        in[ins++] = {"encoder_hidden_states", &hidden_};
        out[outs++] = {"logits", &logits};
        for (size_t i = 0; i < kKept; ++i) {
            in[ins++] = {weights_.names_.past[i].c_str(), later_ ? memory[i].get() : &none_};
            if (grows(i) || !later_) {
                out[outs++] = {weights_.names_.present[i].c_str(), &made[i]};
            }
        }
        in[ins++] = {"use_cache_branch", &later_value_};
        weights_.decoder_.run(std::span(in).first(ins), std::span(out).first(outs));
    }
    static constexpr bool grows(size_t i) { return i % 4 < 2; }

    const Weights& weights_;
    std::array<float, 1> nothing_{};
    std::array<int64_t, 1> token_{kTextBegin};
    bool later_ = false;
    onnx::Value hidden_, token_value_, later_value_, none_;
};

Weights::Tokens Weights::decode(std::span<float> window, size_t limit,
                                const std::atomic<bool>& given_up) const {
    const BeamOptions options;
    Run run(*this, window);
    Beam beam(WordWalk(words_ ? &*words_ : nullptr, WordPreference{}), options);
    std::vector<Run::Memory> memories(1);
    Tokens result;
    for (size_t length = 0; length < limit && !beam.live().empty() && !result.looped &&
                            !given_up.load(std::memory_order_relaxed);
         ++length) {
        std::vector<std::vector<Candidate>> next;
        std::vector<Run::Memory> longer;
        for (const Beam::Text& text : beam.live()) {
            longer.push_back(memories[text.parent]);
            next.push_back(run.next(text.tokens.empty() ? kTextBegin : text.tokens.back(),
                                    longer.back(), options.candidates));
        }
        beam.step(next);
        memories = std::move(longer);
        const auto& tokens = beam.best().tokens;
        result.looped = length_without_loop(tokens) < tokens.size();
    }
    const Beam::Text& best = beam.best();
    const size_t sane = length_without_loop(best.tokens);
    for (size_t i = 0; i < sane; ++i) {
        result.tokens.push_back(best.tokens[i]);
        result.likelihood.push_back(std::exp(best.log_likelihoods[i]));
    }
    return result;
}

} // namespace mr::voice::moonshine
