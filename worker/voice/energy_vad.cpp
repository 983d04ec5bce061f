#include "worker/voice/energy_vad.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace mr::voice {
namespace {

constexpr size_t kFloorFrames = 64;   // two seconds: within them everybody breathes
constexpr double kQuietDb = -90;      // of full scale: the floor before anything was heard
constexpr double kSilenceDb = -58;    // below this nothing is speech, whatever the floor
constexpr double kEvenDb = 10;        // above the floor: as likely speech as not
constexpr double kSlopeDb = 2.5;      // how fast that changes
constexpr double kFloorDb = -66;      // a quieter floor says nothing of a microphone
constexpr double kHighPass = 0.96;    // one pole, some 100 Hz: hum and wind are no voice
constexpr double kFullScale = 32'768; // of a sample

class EnergyVad final : public Vad {
  public:
    EnergyVad() { reset(); }

    double probability(PcmView frame) override {
        const double level = level_of(frame);
        recent_[next_] = level;
        next_ = (next_ + 1) % kFloorFrames;
        if (level < kSilenceDb) {
            return 0;
        }
        const double floor = std::max(*std::ranges::min_element(recent_), kFloorDb);
        return 1 / (1 + std::exp((kEvenDb - (level - floor)) / kSlopeDb));
    }

    void reset() override {
        recent_.fill(kQuietDb);
        next_ = 0;
        before_ = filtered_ = 0;
    }

  private:
    double level_of(PcmView frame) {
        double power = 0;
        for (const Sample sample : frame) {
            const double value = sample / kFullScale;
            filtered_ = kHighPass * (filtered_ + value - before_);
            before_ = value;
            power += filtered_ * filtered_;
        }
        const double mean = power / static_cast<double>(std::max<size_t>(frame.size(), 1));
        return 10 * std::log10(std::max(mean, 1e-9));
    }

    std::array<double, kFloorFrames> recent_{};
    size_t next_ = 0;
    double before_ = 0;
    double filtered_ = 0;
};

} // namespace

std::unique_ptr<Vad> EnergyVadFactory::make() {
    return std::make_unique<EnergyVad>();
}

} // namespace mr::voice
