// Which engines hear and speak, by what is named and what is there.
#include "worker/log.h"
#include "worker/voice/engines.h"

#include <gtest/gtest.h>

namespace mr::voice {
namespace {

class VoiceLadder : public testing::Test {
  protected:
    VoiceLadder() {
        log::set_level(log::Level::error);
        options_.dir = "/nowhere";
        options_.names = demo_names();
    }
    ~VoiceLadder() override { log::set_level(log::Level::info); }

    std::string why_not() {
        try {
            make_engines(options_);
        } catch (const std::runtime_error& problem) {
            return problem.what();
        }
        return "";
    }

    EngineOptions options_;
};

TEST_F(VoiceLadder, NoneIsNone) {
    options_.recogniser = options_.synthesiser = "none";
    const Engines engines = make_engines(options_);
    EXPECT_EQ(engines.recogniser, nullptr);
    EXPECT_EQ(engines.synthesiser, nullptr);
    EXPECT_NE(engines.no_recogniser, "");
}

TEST_F(VoiceLadder, TheStubsAreTakenInDevelopmentModeOrByName) {
    for (const bool named : {false, true}) {
        options_.recogniser = named ? "stub" : "auto";
        options_.synthesiser = named ? "tone" : "auto";
        options_.stub_recogniser = options_.stub_synthesiser = !named;
        const Engines engines = make_engines(options_);
        ASSERT_NE(engines.recogniser, nullptr);
        ASSERT_NE(engines.synthesiser, nullptr);
        EXPECT_EQ(engines.recogniser->engine(), "stub");
        EXPECT_EQ(engines.synthesiser->engine(), "tone");
    }
}

TEST_F(VoiceLadder, ANameCountsMoreThanDevelopmentMode) {
    options_.recogniser = "none";
    options_.synthesiser = "flite";
    options_.stub_synthesiser = true;
    const Engines engines = make_engines(options_);
    ASSERT_NE(engines.synthesiser, nullptr);
    EXPECT_EQ(engines.synthesiser->engine(), "flite");
}

TEST_F(VoiceLadder, AnEngineThatIsNamedAndNotThereIsAnError) {
    options_.stub_recogniser = true; // no way out
    for (const char* name : {"moonshine", "deepgram"}) {
        options_.recogniser = name;
        options_.synthesiser = "none";
        EXPECT_NE(why_not().find(std::string("recogniser: ") + name), std::string::npos)
            << why_not();
    }
    options_.recogniser = "none";
    options_.synthesiser = "elevenlabs";
    EXPECT_NE(why_not().find("synthesiser: elevenlabs: is not set up"), std::string::npos);
    options_.synthesiser = "none";
    options_.recogniser = "stub";
    options_.detector = "silero";
    EXPECT_NE(why_not().find("speech_detector: silero"), std::string::npos) << why_not();
}

TEST_F(VoiceLadder, AKeyMakesAProviderTheFirst) {
    options_.deepgram.emplace().api_key = "key";
    options_.elevenlabs.emplace();
    options_.elevenlabs_key = "key";
    options_.http = std::make_shared<net::HttpClient>();
    const Engines engines = make_engines(options_);
    EXPECT_EQ(engines.recogniser->engine(), "deepgram");
    EXPECT_EQ(engines.synthesiser->engine(), "elevenlabs");
}

} // namespace
} // namespace mr::voice
