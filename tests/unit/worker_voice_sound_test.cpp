// Sound on its way to a recogniser: rates converted, loudness judged, windows cut.
#include "worker/voice/energy_vad.h"
#include "worker/voice/fault.h"
#include "worker/voice/heard_audio.h"
#include "worker/voice/resampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

namespace mr::voice {
namespace {

Pcm tone(double hertz, unsigned rate, double seconds, double amplitude = 8'000) {
    Pcm samples(static_cast<size_t>(seconds * rate));
    for (size_t i = 0; i < samples.size(); ++i) {
        const double turn = 2 * std::numbers::pi * hertz * static_cast<double>(i) / rate;
        samples[i] = static_cast<Sample>(amplitude * std::sin(turn));
    }
    return samples;
}

double rms(PcmView samples) {
    double power = 0;
    for (const Sample sample : samples) {
        power += static_cast<double>(sample) * sample;
    }
    return std::sqrt(power / static_cast<double>(std::max<size_t>(samples.size(), 1)));
}

Pcm resampled(PcmView samples, unsigned rate, size_t step) {
    Resampler resampler(rate);
    Pcm out;
    while (!samples.empty()) {
        const size_t size = std::min(step, samples.size());
        resampler.add(samples.first(size), out);
        samples = samples.subspan(size);
    }
    resampler.finish(out);
    return out;
}

TEST(VoiceResampler, KeepsLoudnessLengthAndPlaces) {
    for (const unsigned rate : kVoiceInputRates) {
        SCOPED_TRACE(rate);
        Pcm input = tone(440, rate, 1.0);
        std::fill_n(input.begin(), rate / 2, Sample{0}); // the tone begins after half a second
        const Pcm out = resampled(input, rate, rate / 50);
        EXPECT_EQ(out.size(), kVoiceRate);
        EXPECT_NEAR(rms(PcmView(out).last(kVoiceRate / 4)), 8'000 / std::numbers::sqrt2, 120);
        const auto onset =
            std::ranges::find_if(out, [](Sample sample) { return std::abs(sample) > 1'000; });
        EXPECT_NEAR(static_cast<double>(onset - out.begin()), kVoiceRate / 2.0, 16);
    }
}

TEST(VoiceResampler, IsTheSameHoweverItIsCut) {
    for (const unsigned rate : {22'050U, 48'000U}) {
        const Pcm input = tone(700, rate, 0.3);
        const Pcm whole = resampled(input, rate, input.size());
        EXPECT_EQ(resampled(input, rate, 1), whole);
        EXPECT_EQ(resampled(input, rate, 441), whole);
    }
}

TEST(VoiceResampler, LeavesOutWhatTheRateCannotHold) {
    EXPECT_LT(rms(PcmView(resampled(tone(11'000, 48'000, 0.5), 48'000, 960)).subspan(1'000)), 200);
}

TEST(VoiceResampler, RefusesOtherRates) {
    for (const unsigned rate : {0U, 1U, 11'025U, 96'000U, 4'000'000'000U}) {
        try {
            const Resampler resampler(rate);
            ADD_FAILURE() << rate;
        } catch (const VoiceError& error) {
            EXPECT_EQ(error.fault(), VoiceFault::bad_input);
            EXPECT_NE(std::string(error.what()).find("16000"), std::string::npos);
        }
    }
}

Pcm noise(double seconds, double amplitude) {
    std::mt19937 random(7);
    std::normal_distribution<double> normal(0, amplitude);
    Pcm samples(static_cast<size_t>(seconds * kVoiceRate));
    std::ranges::generate(samples, [&] { return static_cast<Sample>(normal(random)); });
    return samples;
}

// The share of frames of [from_ms, to_ms) that are more likely speech than not.
double speech_share(PcmView samples, int64_t from_ms, int64_t to_ms) {
    const std::unique_ptr<Vad> vad = EnergyVadFactory().make();
    double speech = 0;
    double all = 0;
    for (size_t at = 0; at + kVadFrame <= samples.size(); at += kVadFrame) {
        const double probability = vad->probability(samples.subspan(at, kVadFrame));
        EXPECT_GE(probability, 0);
        EXPECT_LE(probability, 1);
        if (to_ms > static_cast<int64_t>(at / 16) && static_cast<int64_t>(at / 16) >= from_ms) {
            all += 1;
            speech += probability >= 0.5 ? 1 : 0;
        }
    }
    return speech / all;
}

TEST(VoiceEnergyVad, HearsATone) {
    Pcm samples = noise(3, 15); // a quiet room
    const Pcm voice = tone(300, kVoiceRate, 1, 3'000);
    for (size_t i = 0; i < voice.size(); ++i) {
        samples[16'000 + i] = static_cast<Sample>(samples[16'000 + i] + voice[i]);
    }
    EXPECT_EQ(speech_share(samples, 0, 960), 0);
    EXPECT_GT(speech_share(samples, 1'050, 1'950), 0.95);
    EXPECT_EQ(speech_share(samples, 2'050, 3'000), 0);
}

TEST(VoiceEnergyVad, GetsUsedToSteadyNoise) {
    const Pcm samples = noise(5, 400);
    EXPECT_GT(speech_share(samples, 0, 1'000), 0.9) << "nothing quieter was heard before";
    EXPECT_EQ(speech_share(samples, 2'500, 5'000), 0);
}

TEST(VoiceEnergyVad, IsDeafToNothingAndToADirectVoltage) {
    EXPECT_EQ(speech_share(Pcm(16'000), 0, 1'000), 0);
    EXPECT_EQ(speech_share(Pcm(16'000, 12'000), 200, 1'000), 0);
}

TEST(VoiceHeardAudio, CutsWindowsAndForgets) {
    HeardAudio heard;
    Pcm samples(40'000);
    for (size_t i = 0; i < samples.size(); ++i) {
        samples[i] = static_cast<Sample>(i % 30'000);
    }
    heard.append(samples);
    EXPECT_EQ(heard.cut(5, 8), (Pcm{5, 6, 7}));
    heard.forget_before(20'000);
    EXPECT_EQ(heard.end(), 40'000U);
    EXPECT_EQ(heard.cut(20'000, 20'002), (Pcm{20'000, 20'001}));
    EXPECT_EQ(heard.cut(0, 20'001), (Pcm{20'000})) << "the rest is gone";
    EXPECT_TRUE(heard.cut(50'000, 60'000).empty());
}

TEST(VoiceHeardAudio, CountsGapsAsTheClientDoes) {
    HeardAudio heard;
    heard.append(Pcm(20'000));
    heard.shift(500); // refused
    heard.shift(300);
    heard.append(Pcm(100));
    heard.shift(-28); // filled up
    EXPECT_EQ(heard.real(19'999), 19'999U);
    EXPECT_EQ(heard.real(20'050), 20'850U);
    EXPECT_EQ(heard.real(20'100), 20'872U);
    heard.forget_before(20'050);
    EXPECT_EQ(heard.real(20'060), 20'860U);
    EXPECT_EQ(heard.real(20'100), 20'872U);
}

TEST(VoiceHeardAudio, RemembersABoundedNumberOfGaps) {
    HeardAudio heard;
    for (int i = 0; i < 1'000; ++i) {
        heard.append(Pcm(1));
        heard.shift(2);
    }
    EXPECT_EQ(heard.real(heard.end()), 3'000U);
}

} // namespace
} // namespace mr::voice
