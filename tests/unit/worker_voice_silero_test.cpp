// Silero tells speech from silence and noise, and each detector remembers its own stream alone.
#include "tests/unit/worker_voice_speech.h"
#include "worker/voice/silero/silero.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace mr::test {
namespace {

using namespace speech;

using voice::kVadFrame;
using voice::Pcm;
using voice::PcmView;

class VoiceSilero : public testing::Test {
  protected:
    void SetUp() override {
        if (const std::string lacks = voice_lacks(); !lacks.empty()) {
            GTEST_SKIP() << lacks;
        }
        factory_ =
            voice::load_silero(voice::onnx::Runtime::load(voice_files() / "libonnxruntime.so"),
                               {voice_files() / "silero/silero_vad_v5.onnx"});
    }

    static PcmView frame(const Pcm& samples, size_t number) {
        return PcmView(samples).subspan(number * kVadFrame, kVadFrame);
    }

    static std::vector<double> listen(voice::Vad& vad, const Pcm& samples) {
        std::vector<double> found;
        for (size_t i = 0; i < samples.size() / kVadFrame; ++i) {
            found.push_back(vad.probability(frame(samples, i)));
        }
        return found;
    }

    static double share_above(const std::vector<double>& found, double threshold) {
        const auto above = std::count_if(found.begin(), found.end(),
                                         [&](double value) { return value > threshold; });
        return static_cast<double>(above) / static_cast<double>(found.size());
    }

    std::unique_ptr<voice::VadFactory> factory_;
};

constexpr const char* kQuestion = "how many open invoices do we have";

TEST_F(VoiceSilero, SpeechSilenceAndNoiseAreToldApart) {
    EXPECT_EQ(factory_->engine(), "silero");
    const auto vad = factory_->make();
    EXPECT_GT(share_above(listen(*vad, spoken(kQuestion)), 0.5), 0.6);
    vad->reset();
    EXPECT_EQ(share_above(listen(*vad, silence(2'000)), 0.3), 0);
    vad->reset();
    EXPECT_EQ(share_above(listen(*vad, noise(2'000, 0.02)), 0.5), 0);
}

TEST_F(VoiceSilero, SpeechEndsSoonBehindItsLastWord) {
    const auto vad = factory_->make();
    Pcm samples = spoken(kQuestion);
    const Pcm after = silence(1'000);
    samples.insert(samples.end(), after.begin(), after.end());
    const std::vector<double> found = listen(*vad, samples);
    const std::vector<double> tail(found.end() - 15, found.end()); // its last 480 ms
    EXPECT_EQ(share_above(tail, 0.3), 0);
}

TEST_F(VoiceSilero, QuietSpeechIsSpeech) {
    const auto vad = factory_->make();
    Pcm samples = spoken(kQuestion);
    for (voice::Sample& sample : samples) {
        sample = static_cast<voice::Sample>(sample / 16);
    }
    EXPECT_GT(share_above(listen(*vad, samples), 0.5), 0.5);
}

TEST_F(VoiceSilero, ResetForgetsTheStreamBefore) {
    const auto vad = factory_->make();
    const Pcm samples = spoken(kQuestion);
    const std::vector<double> first = listen(*vad, samples);
    vad->reset();
    EXPECT_EQ(listen(*vad, samples), first);
}

TEST_F(VoiceSilero, DetectorsShareWeightsAndNothingElse) {
    const auto one = factory_->make();
    const auto other = factory_->make();
    const Pcm speech = spoken(kQuestion);
    const Pcm hiss = noise(voice::to_ms(speech.size()) + 100, 0.02);
    const std::vector<double> alone = listen(*factory_->make(), speech);
    std::vector<double> beside;
    for (size_t i = 0; i < speech.size() / kVadFrame; ++i) {
        beside.push_back(one->probability(frame(speech, i)));
        other->probability(frame(hiss, i));
    }
    EXPECT_EQ(beside, alone);
}

TEST_F(VoiceSilero, FrameOfAnotherLengthIsRefused) {
    const auto vad = factory_->make();
    const Pcm samples(kVadFrame + 1);
    EXPECT_THROW(vad->probability(samples), voice::onnx::Error);
    EXPECT_THROW(vad->probability({}), voice::onnx::Error);
}

} // namespace
} // namespace mr::test
