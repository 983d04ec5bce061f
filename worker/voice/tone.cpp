#include "worker/voice/tone.h"

#include "worker/voice/speech_queue.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <cmath>
#include <numbers>
#include <utility>

namespace mr::voice {
namespace {

namespace asio = boost::asio;

constexpr double kLoudness = 6'000; // of 32767
constexpr double kLowHz = 220;
constexpr double kStepHz = 20; // from one segment to the next, so that they can be told apart
constexpr uint32_t kSteps = 12;

class ToneStream final : public QueuedSpeech {
  public:
    ToneStream(std::shared_ptr<SpeechQueue> queue, double speed)
        : QueuedSpeech(std::move(queue)), speed_(speed) {
        queue_->on_work = [this] { make(); };
    }

  private:
    void make() {
        while (queue_->room()) {
            if (left_ == 0) {
                std::optional<SaidClause> clause = queue_->take();
                if (!clause) {
                    return;
                }
                segment_ = clause->segment;
                done_ = 0;
                const double ms = static_cast<double>(clause->text.size()) *
                                  static_cast<double>(kToneMsPerByte) / speed_;
                left_ = std::max<uint64_t>(to_samples(static_cast<int64_t>(ms)), 1);
            }
            const uint64_t size = std::min(left_, to_samples(kTonePieceMs));
            left_ -= size;
            queue_->put(segment_, piece(size), left_ == 0);
        }
    }

    Pcm piece(uint64_t size) {
        const double hertz = kLowHz + kStepHz * static_cast<double>(segment_ % kSteps);
        Pcm samples(size);
        for (Sample& sample : samples) {
            const double at = static_cast<double>(done_++) / kVoiceRate;
            sample = static_cast<Sample>(kLoudness * std::sin(2 * std::numbers::pi * hertz * at));
        }
        return samples;
    }

    double speed_;
    uint32_t segment_ = 0;
    uint64_t left_ = 0; // samples of the clause at hand
    uint64_t done_ = 0;
};

class Tone final : public Synthesiser {
  public:
    std::string_view engine() const override { return "tone"; }
    unsigned sample_rate() const override { return kVoiceRate; }

    asio::awaitable<std::unique_ptr<SpeechStream>> open(SpeechOptions options) override {
        const auto executor = co_await asio::this_coro::executor;
        auto queue = std::make_shared<SpeechQueue>(executor, kVoiceRate);
        std::unique_ptr<SpeechStream> stream = std::make_unique<ToneStream>(
            std::move(queue), std::clamp(options.speed, kMinSpeed, kMaxSpeed));
        co_return stream;
    }
};

} // namespace

std::shared_ptr<Synthesiser> make_tone() {
    return std::make_shared<Tone>();
}

} // namespace mr::voice
