#include "worker/voice/moonshine/moonshine.h"

#include "worker/voice/moonshine/decoder.h"
#include "worker/voice/moonshine/windows.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace mr::voice {
namespace {

// Below that the encoder has nothing left behind its convolutions, and a little above it guesses.
constexpr int64_t kMinWindowMs = 1'000; // shorter ones are followed by silence
// Silence around each: first and last words are heard better for it.
constexpr int64_t kHeadMs = 200;
constexpr int64_t kTailMs = 300;
constexpr size_t kTokensBeside = 4; // a word may begin in the last moment
constexpr float kFullScale = 32'768;

using Weights = std::shared_ptr<const moonshine::Weights>;

class MoonshineModel final : public UtteranceModel {
  public:
    MoonshineModel(Weights weights, double max_tokens_per_second)
        : weights_(std::move(weights)), max_tokens_per_second_(max_tokens_per_second) {}

    Heard recognise(PcmView samples, const std::atomic<bool>& given_up) override;

  private:
    void add_window(PcmView samples, const std::atomic<bool>& given_up);

    const Weights weights_;
    const double max_tokens_per_second_;
    std::vector<float> sound_; // of one window; kept, for its memory
    std::string text_;
    double likelihood_ = 0; // summed over tokens_
    size_t tokens_ = 0;
};

Heard MoonshineModel::recognise(PcmView samples, const std::atomic<bool>& given_up) {
    text_.clear();
    likelihood_ = 0;
    tokens_ = 0;
    for (const PcmView window : moonshine::cut_windows(samples)) {
        if (given_up.load(std::memory_order_relaxed)) {
            break;
        }
        if (!moonshine::is_silent(window)) {
            add_window(window, given_up);
        }
    }
    Heard heard;
    heard.text = std::move(text_);
    if (tokens_ > 0) {
        heard.confidence = likelihood_ / static_cast<double>(tokens_);
    }
    return heard;
}

void MoonshineModel::add_window(PcmView samples, const std::atomic<bool>& given_up) {
    const size_t head = to_samples(kHeadMs);
    sound_.assign(std::max(head + samples.size() + to_samples(kTailMs), to_samples(kMinWindowMs)),
                  0.0F);
    std::transform(samples.begin(), samples.end(), sound_.begin() + static_cast<ptrdiff_t>(head),
                   [](Sample sample) { return static_cast<float>(sample) / kFullScale; });
    const double seconds = static_cast<double>(sound_.size()) / kVoiceRate;
    const auto limit = static_cast<size_t>(std::ceil(seconds * max_tokens_per_second_));
    const auto found = weights_->decode(sound_, limit + kTokensBeside, given_up);
    const std::string text = weights_->vocabulary().text(found.tokens);
    if (!text.empty() && !text_.empty()) {
        text_ += ' ';
    }
    text_ += text;
    for (const float likelihood : found.likelihood) {
        likelihood_ += static_cast<double>(likelihood);
    }
    tokens_ += found.likelihood.size();
}

class MoonshineFactory final : public UtteranceModelFactory {
  public:
    MoonshineFactory(Weights weights, double max_tokens_per_second)
        : weights_(std::move(weights)), max_tokens_per_second_(max_tokens_per_second) {}
    std::string_view engine() const override { return "moonshine"; }
    std::unique_ptr<UtteranceModel> make() override {
        return std::make_unique<MoonshineModel>(weights_, max_tokens_per_second_);
    }

  private:
    const Weights weights_;
    const double max_tokens_per_second_;
};

} // namespace

std::unique_ptr<UtteranceModelFactory> load_moonshine(std::shared_ptr<const onnx::Runtime> runtime,
                                                      const MoonshineOptions& options) {
    auto weights = std::make_shared<const moonshine::Weights>(std::move(runtime), options.folder,
                                                              options.examples);
    // A moment of nothing: what does not fit fails at the start and not in a session.
    std::vector<float> silence(to_samples(kMinWindowMs));
    const std::atomic<bool> given_up = false;
    (void)weights->decode(silence, 2, given_up);
    return std::make_unique<MoonshineFactory>(std::move(weights), options.max_tokens_per_second);
}

} // namespace mr::voice
