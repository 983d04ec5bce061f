#include "worker/voice/silero/silero.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace mr::voice {
namespace {

constexpr size_t kContext = 64; // samples of the frame before, in front of each frame
constexpr size_t kInput = kContext + kVadFrame;
constexpr size_t kState = 2 * 1 * 128;
constexpr size_t kInputs = 3; // input, state, sr
constexpr size_t kOutputs = 2;
constexpr float kFullScale = 32'768;

using Weights = std::shared_ptr<const onnx::Model>;

// The tensors are views of its own arrays: it stays where it is.
class SileroVad final : public Vad {
  public:
    explicit SileroVad(Weights weights) : weights_(std::move(weights)) {
        using onnx::Value;
        const onnx::Runtime& runtime = weights_->runtime();
        input_value_ = Value::view(runtime, input_, {1, kInput});
        state_value_ = Value::view(runtime, state_, {2, 1, 128});
        next_state_value_ = Value::view(runtime, next_state_, {2, 1, 128});
        rate_value_ = Value::view(runtime, rate_, {});
        output_value_ = Value::view(runtime, output_, {1, 1});
    }
    SileroVad(const SileroVad&) = delete;
    SileroVad& operator=(const SileroVad&) = delete;

    double probability(PcmView frame) override;

    void reset() override {
        input_.fill(0);
        state_.fill(0);
    }

  private:
    const Weights weights_;
    std::array<float, kInput> input_{};
    std::array<float, kState> state_{};
    std::array<float, kState> next_state_{};
    std::array<int64_t, 1> rate_{kVoiceRate};
    std::array<float, 1> output_{};
    onnx::Value input_value_, state_value_, next_state_value_, rate_value_, output_value_;
};

double SileroVad::probability(PcmView frame) {
    if (frame.size() != kVadFrame) {
        throw onnx::Error("Silero takes frames of " + std::to_string(kVadFrame) +
                          " samples, not of " + std::to_string(frame.size()));
    }
    std::copy(input_.end() - kContext, input_.end(), input_.begin());
    std::transform(frame.begin(), frame.end(), input_.begin() + kContext,
                   [](Sample sample) { return static_cast<float>(sample) / kFullScale; });
    const std::array<onnx::Model::Input, kInputs> inputs{{
        {"input", &input_value_},
        {"state", &state_value_},
        {"sr", &rate_value_},
    }};
    const std::array<onnx::Model::Output, kOutputs> outputs{{
        {"output", &output_value_},
        {"stateN", &next_state_value_},
    }};
    weights_->run(inputs, outputs);
    state_ = next_state_;
    const double probability = output_[0];
    return std::isfinite(probability) ? std::clamp(probability, 0.0, 1.0) : 0.0;
}

class SileroFactory final : public VadFactory {
  public:
    explicit SileroFactory(Weights weights) : weights_(std::move(weights)) {}
    std::string_view engine() const override { return "silero"; }
    std::unique_ptr<Vad> make() override { return std::make_unique<SileroVad>(weights_); }

  private:
    const Weights weights_;
};

} // namespace

std::unique_ptr<VadFactory> load_silero(std::shared_ptr<const onnx::Runtime> runtime,
                                        const SileroOptions& options) {
    auto weights = std::make_shared<const onnx::Model>(std::move(runtime), options.model);
    weights->expect(kInputs, kOutputs);
    auto factory = std::make_unique<SileroFactory>(std::move(weights));
    // One frame of silence: what does not fit fails at the start and not in a session.
    factory->make()->probability(Pcm(kVadFrame));
    return factory;
}

} // namespace mr::voice
