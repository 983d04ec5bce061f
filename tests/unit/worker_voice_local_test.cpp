// Streams of the local recogniser: what is said when, what the threads do and leave undone. Nothing
// here waits for time: detector and model stand behind gates.
#include "tests/unit/worker_voice_scripted.h"
#include "worker/voice/local_stream.h"

#include <string>

namespace mr::voice {
namespace {

using test::frames;
using test::kSpeech;
using test::Listening;

constexpr int kWord = 10; // frames of speech
constexpr int kPause = 8; // of silence: long enough to be the end
constexpr int kEnd = 18;  // of silence: the end

std::string text_of(const RecognitionEvent& event) {
    if (const auto* started = std::get_if<SpeechStarted>(&event)) {
        return "started " + std::to_string(started->at / kVadFrame);
    }
    if (const auto* stopped = std::get_if<SpeechStopped>(&event)) {
        return "stopped " + std::to_string(stopped->at / kVadFrame);
    }
    if (const auto* dropped = std::get_if<SpeechDropped>(&event)) {
        return "dropped " + std::to_string(dropped->at / kVadFrame);
    }
    const auto& transcript = std::get<Transcript>(event);
    return (transcript.final ? "final " : "partial ") + transcript.text;
}

std::string next_text(Listening& listening, RecognitionStream& stream) {
    return text_of(listening.next(stream));
}

// Up to the final transcript or the drop, without partial ones.
std::vector<std::string> utterance(Listening& listening, RecognitionStream& stream) {
    std::vector<std::string> said;
    do {
        std::string text = next_text(listening, stream);
        if (text.rfind("partial", 0) != 0) {
            said.push_back(std::move(text));
        }
    } while (said.empty() ||
             (said.back().rfind("final", 0) != 0 && said.back().rfind("dropped", 0) != 0));
    return said;
}

using Said = std::vector<std::string>;

TEST(VoiceLocal, SaysWhatWasHeard) {
    Listening listening;
    const auto stream = listening.open();
    EXPECT_EQ(listening.recogniser->engine(), "scripted");
    ASSERT_TRUE(stream->audio(frames(20, 0)));
    ASSERT_TRUE(stream->audio(frames(kWord, kSpeech)));
    ASSERT_TRUE(stream->audio(frames(kEnd, 0)));
    EXPECT_EQ(utterance(listening, *stream),
              (Said{"started 20", "stopped 30", "final hello there"}));
    ASSERT_TRUE(stream->audio(frames(kWord, kSpeech)));
    ASSERT_TRUE(stream->audio(frames(kEnd, 0)));
    EXPECT_EQ(utterance(listening, *stream),
              (Said{"started 48", "stopped 58", "final hello there"}));
}

TEST(VoiceLocal, TranscriptNamesItsPlaceAndConfidence) {
    Listening listening;
    const auto stream = listening.open();
    const Pcm sound = frames(1, 0);
    stream->audio(PcmView(sound).first(100)); // pieces need not be frames
    stream->audio(PcmView(sound).subspan(100));
    stream->audio(frames(kWord, kSpeech));
    stream->audio(frames(kEnd, 0));
    RecognitionEvent event;
    do {
        event = listening.next(*stream);
    } while (text_of(event) != "final hello there");
    const auto& transcript = std::get<Transcript>(event);
    EXPECT_EQ(transcript.start, kVadFrame);
    EXPECT_EQ(transcript.end, (1 + kWord) * kVadFrame);
    EXPECT_EQ(transcript.confidence, 0.5);
    EXPECT_GE(transcript.after_speech_ms, 0);
}

TEST(VoiceLocal, TheGuessInTheFirstSilenceIsTheResult) {
    Listening listening;
    const auto stream = listening.open();
    listening.script.model.close();
    stream->audio(frames(kWord, kSpeech));
    stream->audio(frames(kPause, 0));
    listening.until([&] { return listening.script.model.arrived() == 1; });
    listening.script.model.permit_one();
    EXPECT_EQ(next_text(listening, *stream), "started 0");
    EXPECT_EQ(next_text(listening, *stream), "partial hello there");
    stream->audio(frames(kEnd - kPause, 0));
    EXPECT_EQ(next_text(listening, *stream), "stopped 10");
    EXPECT_EQ(next_text(listening, *stream), "final hello there");
    EXPECT_EQ(listening.script.model.arrived(), 1) << "recognised once";
}

TEST(VoiceLocal, AGuessStillAtWorkAtTheEndIsWaitedFor) {
    Listening listening;
    const auto stream = listening.open();
    listening.script.model.close();
    stream->audio(frames(kWord, kSpeech));
    stream->audio(frames(kEnd, 0));
    EXPECT_EQ(next_text(listening, *stream), "started 0");
    EXPECT_EQ(next_text(listening, *stream), "stopped 10");
    listening.script.model.permit_one();
    EXPECT_EQ(next_text(listening, *stream), "final hello there");
    EXPECT_EQ(listening.script.model.arrived(), 1);
}

TEST(VoiceLocal, AGuessIsGivenUpWhenSpeechGoesOn) {
    Listening listening;
    const auto stream = listening.open();
    listening.script.model.close();
    listening.script.answer = [](PcmView samples) {
        return Heard{std::to_string(samples.size() / kVadFrame), std::nullopt};
    };
    stream->audio(frames(kWord, kSpeech));
    stream->audio(frames(kPause, 0));
    listening.until([&] { return listening.script.model.arrived() == 1; });
    stream->audio(frames(3, kSpeech));
    listening.until([&] { return listening.script.model.given_up() == 1; });
    listening.script.model.open();
    stream->audio(frames(kEnd, 0));
    // Up to the second pause: 10 + 8 + 3 + 6 frames.
    EXPECT_EQ(utterance(listening, *stream), (Said{"started 0", "stopped 21", "final 27"}));
}

TEST(VoiceLocal, PartialTranscriptsGrow) {
    Listening listening;
    const auto stream = listening.open();
    listening.script.answer = [](PcmView samples) {
        return Heard{std::to_string(samples.size() / kVadFrame), std::nullopt};
    };
    stream->audio(frames(16, kSpeech));
    EXPECT_EQ(next_text(listening, *stream), "started 0");
    EXPECT_EQ(next_text(listening, *stream), "partial 16");
    stream->audio(frames(8, kSpeech)); // not yet another half second
    stream->audio(frames(8, kSpeech));
    EXPECT_EQ(next_text(listening, *stream), "partial 32");
    EXPECT_EQ(listening.script.model.arrived(), 2);
}

TEST(VoiceLocal, WhatWasNoSpeechIsDropped) {
    Listening listening;
    const auto stream = listening.open();
    listening.script.answer = [](PcmView) { return Heard{}; };
    stream->audio(frames(5, 0));
    stream->audio(frames(kWord, kSpeech));
    stream->audio(frames(kEnd, 0));
    EXPECT_EQ(utterance(listening, *stream), (Said{"started 5", "stopped 15", "dropped 5"}));
}

TEST(VoiceLocal, ReleaseEndsTheUtterance) {
    Listening listening;
    const auto stream = listening.open(TalkMode::push_to_talk);
    stream->audio(frames(4, kSpeech));
    stream->audio(Pcm(200, kSpeech)); // no whole frame
    stream->release();
    EXPECT_EQ(utterance(listening, *stream), (Said{"started 0", "stopped 4", "final hello there"}));
    stream->release();
    EXPECT_EQ(next_text(listening, *stream), "dropped 4") << "nothing was said since";
    stream->audio(frames(1, 0));
    stream->audio(frames(4, kSpeech));
    stream->release();
    const RecognitionEvent started = listening.next(*stream);
    EXPECT_EQ(std::get<SpeechStarted>(started).at, 5 * kVadFrame + 200)
        << "the frame that was filled up does not count";
}

TEST(VoiceLocal, ReleaseIsBehindWhatCameBeforeIt) {
    Listening listening;
    const auto stream = listening.open(TalkMode::push_to_talk);
    listening.script.vad.close();
    stream->audio(frames(5, kSpeech));
    stream->release();
    stream->audio(frames(5, kSpeech));
    stream->release();
    listening.script.vad.open();
    EXPECT_EQ(utterance(listening, *stream), (Said{"started 0", "stopped 5", "final hello there"}));
    EXPECT_EQ(utterance(listening, *stream),
              (Said{"started 5", "stopped 10", "final hello there"}));
}

TEST(VoiceLocal, UtterancesFollowOneAnother) {
    Listening listening;
    const auto stream = listening.open();
    listening.script.model.close();
    stream->audio(frames(kWord, kSpeech));
    stream->audio(frames(kEnd, 0));
    stream->audio(frames(kWord, kSpeech));
    stream->audio(frames(kEnd, 0));
    EXPECT_EQ(next_text(listening, *stream), "started 0");
    EXPECT_EQ(next_text(listening, *stream), "stopped 10");
    listening.script.model.permit_one();
    EXPECT_EQ(next_text(listening, *stream), "final hello there");
    listening.script.model.permit_one();
    EXPECT_EQ(utterance(listening, *stream),
              (Said{"started 28", "stopped 38", "final hello there"}));
}

TEST(VoiceLocal, RefusesSoundWhenItIsBehind) {
    Listening listening;
    const auto stream = listening.open();
    listening.script.vad.close();
    const Pcm second = Pcm(kVoiceRate);
    int taken = 0;
    while (stream->audio(second)) {
        ++taken;
        ASSERT_LE(taken, kMaxRecogniserBacklogMs / 1000);
    }
    EXPECT_EQ(taken, kMaxRecogniserBacklogMs / 1000);
    EXPECT_FALSE(stream->audio(second));
    listening.script.vad.open();
    listening.until([&] { return stream->audio(Pcm(1)); });
    stream->audio(Pcm(255)); // whole frames again: five seconds are 156 and a quarter
    stream->audio(Pcm(128));
    stream->audio(frames(kWord, kSpeech));
    stream->audio(frames(kEnd, 0));
    const RecognitionEvent started = listening.next(*stream);
    EXPECT_GT(std::get<SpeechStarted>(started).at, 7 * kVoiceRate) << "places go on behind the gap";
}

TEST(VoiceLocal, RefusesSoundWhenTooManyUtterancesWait) {
    Listening listening;
    const auto stream = listening.open();
    listening.script.model.close();
    size_t taken = 0;
    for (size_t i = 0; i < kMaxWaitingUtterances + 1; ++i) {
        stream->audio(frames(kWord, kSpeech));
        ASSERT_TRUE(stream->audio(frames(kEnd, 0)));
        ++taken;
    }
    listening.until([&] { return !stream->audio(Pcm(1)); });
    listening.script.model.open();
    for (size_t i = 0; i < taken; ++i) {
        EXPECT_EQ(utterance(listening, *stream).back(), "final hello there");
    }
    EXPECT_TRUE(stream->audio(Pcm(1)));
}

TEST(VoiceLocal, AFinalResultComesBeforePartialOnes) {
    Listening listening;
    const auto talker = listening.open();
    const auto asker = listening.open(TalkMode::push_to_talk);
    listening.script.model.close();
    talker->audio(frames(20, kSpeech));
    listening.until([&] { return listening.script.model.arrived() == 1; }); // the one thread
    asker->audio(frames(4, kSpeech));
    asker->release();
    listening.until([&] { return listening.script.model.given_up() == 1; });
    listening.script.model.permit_one();
    EXPECT_EQ(utterance(listening, *asker).back(), "final hello there");
}

TEST(VoiceLocal, PartialResultsAreSkippedUnderLoad) {
    Listening listening;
    const auto first = listening.open();
    const auto second = listening.open();
    listening.script.model.close();
    first->audio(frames(20, kSpeech));
    listening.until([&] { return listening.script.model.arrived() == 1; });
    second->audio(frames(20, kSpeech));
    EXPECT_EQ(next_text(listening, *second), "started 0");
    second->audio(frames(20, kSpeech));
    second->audio(frames(kEnd, 0));
    EXPECT_EQ(next_text(listening, *second), "stopped 40") << "no partial one was asked for";
    listening.until([&] { return listening.script.model.given_up() == 1; });
    listening.script.model.open();
    EXPECT_EQ(next_text(listening, *second), "final hello there");
}

VoiceFault fault_of(const std::function<void()>& act) {
    try {
        act();
    } catch (const VoiceError& error) {
        EXPECT_NE(std::string(error.what()), "");
        return error.fault();
    }
    ADD_FAILURE() << "nothing was thrown";
    return VoiceFault::lost;
}

TEST(VoiceLocal, HasABoundedNumberOfPlaces) {
    LocalRecogniserOptions options;
    options.max_streams = 2;
    Listening listening(options);
    auto first = listening.open();
    const auto second = listening.open();
    EXPECT_EQ(fault_of([&] { listening.open(); }), VoiceFault::no_place);
    first.reset();
    EXPECT_NE(listening.open(), nullptr);
}

TEST(VoiceLocal, RefusesALanguageItDoesNotKnow) {
    Listening listening;
    EXPECT_EQ(fault_of([&] { listening.open(TalkMode::hands_free, "de"); }), VoiceFault::refused);
    EXPECT_NE(listening.open(TalkMode::hands_free, "en-US"), nullptr);
}

TEST(VoiceLocal, EndsWhenTheModelFails) {
    Listening listening;
    const auto stream = listening.open();
    listening.script.answer = [](PcmView) -> Heard { throw std::runtime_error("scripted"); };
    stream->audio(frames(kWord, kSpeech));
    stream->audio(frames(kEnd, 0));
    EXPECT_EQ(next_text(listening, *stream), "started 0");
    EXPECT_EQ(next_text(listening, *stream), "stopped 10");
    EXPECT_EQ(fault_of([&] { listening.next(*stream); }), VoiceFault::unavailable);
    EXPECT_FALSE(stream->audio(frames(1, 0)));
    const auto other = listening.open(); // the others go on
    listening.script.answer = [](PcmView) { return Heard{"again", std::nullopt}; };
    other->audio(frames(kWord, kSpeech));
    other->audio(frames(kEnd, 0));
    EXPECT_EQ(utterance(listening, *other).back(), "final again");
}

TEST(VoiceLocal, EndsWhenTheDetectorFails) {
    Listening listening;
    const auto stream = listening.open();
    stream->audio(frames(1, -1));
    EXPECT_EQ(fault_of([&] { listening.next(*stream); }), VoiceFault::unavailable);
}

TEST(VoiceLocal, AStreamThatGoesTakesItsWorkAlong) {
    Listening listening;
    auto stream = listening.open();
    listening.script.model.close();
    stream->audio(frames(kWord, kSpeech));
    stream->audio(frames(kEnd, 0));
    listening.until([&] { return listening.script.model.arrived() == 1; });
    stream.reset();
    listening.until([&] { return listening.script.model.given_up() == 1; });
}

TEST(VoiceLocal, TheRecogniserMayGoFirst) {
    Listening listening;
    auto stream = listening.open();
    listening.script.model.close();
    stream->audio(frames(kWord, kSpeech));
    stream->audio(frames(kEnd, 0));
    listening.recogniser.reset();
    listening.script.model.open();
    EXPECT_EQ(utterance(listening, *stream).back(), "final hello there");
    stream.reset(); // joins the threads
}

} // namespace
} // namespace mr::voice
