// The stub's hearing, and names put right behind a recogniser.
#include "tests/unit/worker_voice_scripted.h"
#include "worker/voice/energy_vad.h"
#include "worker/voice/snapped_recogniser.h"
#include "worker/voice/stub_model.h"

#include <string>

namespace mr::voice {
namespace {

// A square wave: loud, and no model needed to hear it.
Pcm beep(double seconds) {
    Pcm samples(static_cast<size_t>(seconds * kVoiceRate));
    for (size_t i = 0; i < samples.size(); ++i) {
        samples[i] = i / 20 % 2 == 0 ? Sample{4'000} : Sample{-4'000};
    }
    return samples;
}

std::string heard_in(PcmView samples) {
    const std::atomic<bool> given_up = false;
    return StubModelFactory().make()->recognise(samples, given_up).text;
}

TEST(VoiceStub, HearsByLengthAlone) {
    EXPECT_EQ(heard_in({}), "");
    EXPECT_EQ(heard_in(Pcm(kVoiceRate)), "") << "silence";
    EXPECT_EQ(heard_in(beep(0.06)), "") << "a click";
    for (size_t seconds = 1; seconds <= 2 * stub_questions().size(); ++seconds) {
        Pcm samples = beep(static_cast<double>(seconds) + 0.2);
        samples.resize(samples.size() + kVoiceRate); // silence changes nothing
        EXPECT_EQ(heard_in(samples), stub_questions()[seconds % stub_questions().size()]);
    }
    EXPECT_EQ(heard_in(beep(0.3)), stub_questions()[0]);
}

TEST(VoiceStub, MakesAWholeRecogniserWithTheDetectorByLoudness) {
    boost::asio::io_context context{1};
    LocalRecogniser recogniser(context.get_executor(), LocalRecogniserOptions{},
                               std::make_unique<StubModelFactory>(),
                               std::make_unique<EnergyVadFactory>());
    std::unique_ptr<RecognitionStream> stream;
    boost::asio::co_spawn(context, recogniser.open(RecognitionOptions{}),
                          [&](const std::exception_ptr&, std::unique_ptr<RecognitionStream> made) {
                              stream = std::move(made);
                          });
    context.run_for(std::chrono::seconds(10));
    ASSERT_NE(stream, nullptr);
    ASSERT_TRUE(stream->audio(beep(2.1)));
    ASSERT_TRUE(stream->audio(Pcm(kVoiceRate)));
    std::string final_text;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (final_text.empty() && std::chrono::steady_clock::now() < end) {
        boost::asio::co_spawn(context, stream->next(),
                              [&](const std::exception_ptr& error, const RecognitionEvent& event) {
                                  const auto* said = std::get_if<Transcript>(&event);
                                  if (!error && said != nullptr && said->final) {
                                      final_text = said->text;
                                  }
                                  context.stop();
                              });
        context.restart();
        context.run_for(std::chrono::seconds(10));
    }
    EXPECT_EQ(final_text, stub_questions()[2]);
}

TEST(VoiceSnapped, PutsNamesRightInTranscripts) {
    test::Listening listening;
    listening.script.answer = [](PcmView) { return Heard{"the budget of harbour point", 0.7}; };
    SnappedRecogniser recogniser(
        std::move(listening.recogniser),
        std::make_shared<Vocabulary>(std::vector<std::string>{"Harbor Point"}));
    EXPECT_EQ(recogniser.engine(), "scripted");
    const auto stream = listening.run(recogniser.open(RecognitionOptions{})).value();
    stream->audio(test::frames(10, test::kSpeech));
    stream->release();
    RecognitionEvent event;
    do {
        event = listening.next(*stream);
    } while (!std::holds_alternative<Transcript>(event));
    EXPECT_EQ(std::get<Transcript>(event).text, "the budget of Harbor Point");
    EXPECT_EQ(std::get<Transcript>(event).confidence, 0.7);
}

} // namespace
} // namespace mr::voice
