// The embedded synthesisers: sound comes clause by clause, in order, at the rate and the speed that
// was asked for; bounded ahead; and ends at once with its stream.
#include "tests/unit/worker_voice_support.h"
#include "worker/voice/flite/flite.h"
#include "worker/voice/speech_queue.h"
#include "worker/voice/tone.h"

#include <boost/asio/post.hpp>
#include <cmath>

namespace mr::test {
namespace {

using voice::Pcm;
using voice::SpokenAudio;
using voice::VoiceFault;

double loudness(const Pcm& samples) {
    double sum = 0;
    for (const voice::Sample sample : samples) {
        sum += static_cast<double>(sample) * sample;
    }
    return samples.empty() ? 0 : std::sqrt(sum / static_cast<double>(samples.size()));
}

TEST(Flite, ClausesAreSpokenInOrder) {
    Loop loop;
    const auto flite = voice::make_flite({});
    EXPECT_EQ(flite->sample_rate(), 16'000u);
    const Spoken spoken =
        spoken_by(loop, *flite, {"Bayside Tower has two open invoices,", "both late."});
    EXPECT_TRUE(spoken.whole);
    EXPECT_EQ(spoken.ended, (std::vector<uint32_t>{0, 1}));
    EXPECT_GT(voice::to_ms(spoken.segments.at(0).size()), 1'200);
    EXPECT_LT(voice::to_ms(spoken.segments.at(0).size()), 6'000);
    EXPECT_GT(loudness(spoken.segments.at(0)), 300);
    EXPECT_GT(loudness(spoken.segments.at(1)), 300);
}

TEST(Flite, VoicesDifferAndSpeedIsKept) {
    Loop loop;
    const auto flite = voice::make_flite({});
    const std::vector<std::string> text{"The roof of the tower is done."};
    const Pcm slt = spoken_by(loop, *flite, text).segments.at(0);
    for (const char* name : {"rms", "awb", "kal16"}) {
        const Spoken other = spoken_by(loop, *flite, text, name);
        ASSERT_TRUE(other.whole) << name;
        EXPECT_NE(other.segments.at(0), slt) << name;
        EXPECT_GT(loudness(other.segments.at(0)), 300) << name;
    }
    const size_t fast = spoken_by(loop, *flite, text, "slt", 1.2).segments.at(0).size();
    const size_t slow = spoken_by(loop, *flite, text, "slt", 0.7).segments.at(0).size();
    EXPECT_LT(static_cast<double>(fast), 0.92 * static_cast<double>(slt.size()));
    EXPECT_GT(static_cast<double>(slow), 1.2 * static_cast<double>(slt.size()));
}

TEST(Flite, AVoiceThatIsNoneIsRefused) {
    Loop loop;
    const auto flite = voice::make_flite({});
    const Spoken spoken = spoken_by(loop, *flite, {"word"}, "rachel");
    EXPECT_EQ(spoken.fault, VoiceFault::bad_input);
    voice::FliteOptions options;
    options.voice = "nobody";
    EXPECT_THROW(voice::make_flite(options), voice::VoiceError);
}

TEST(Flite, OddTextDoesNoHarm) {
    Loop loop;
    const auto flite = voice::make_flite({});
    const Spoken spoken = spoken_by(loop, *flite,
                                    {"", "...", "caf\xC3\xA9 \xE6\xBC\xA2", "\xFF\x80", "<s>",
                                     "%s %n", std::string(voice::kMaxSegmentBytes, 'x')});
    EXPECT_TRUE(spoken.whole);
    EXPECT_EQ(spoken.ended.size(), 7u);
}

TEST(Flite, PlacesAreBoundedAndGivenBack) {
    Loop loop;
    voice::FliteOptions options;
    options.max_streams = 1;
    const auto flite = voice::make_flite(options);
    loop.run([](voice::Synthesiser& engine) -> awaitable<void> {
        auto first = co_await open_speech(engine);
        std::optional<VoiceFault> fault;
        try {
            co_await open_speech(engine);
        } catch (const voice::VoiceError& error) {
            fault = error.fault();
        }
        EXPECT_EQ(fault, VoiceFault::no_place);
        first.reset();
        auto second = co_await open_speech(engine);
        EXPECT_TRUE(second);
    }(*flite));
}

TEST(Flite, AStreamThatHasGoneIsNotSpokenToItsEnd) {
    Loop loop;
    const auto flite = voice::make_flite({});
    loop.run([](voice::Synthesiser& engine) -> awaitable<void> {
        auto stream = co_await open_speech(engine);
        std::string text;
        while (text.size() < 900) {
            text += "many words that take a while to be said ";
        }
        for (int i = 0; i < 20; ++i) {
            stream->say(text);
        }
        auto piece = co_await stream->next();
        EXPECT_TRUE(piece && !piece->samples.empty());
        stream.reset();
        // The thread is free again: somebody else is heard.
        Spoken spoken;
        co_await speak(engine, {"Next."}, spoken);
        EXPECT_TRUE(spoken.whole);
    }(*flite));
}

TEST(Flite, ALongAnswerIsSpokenWhole) {
    Loop loop;
    const auto flite = voice::make_flite({});
    loop.run([](voice::Synthesiser& engine) -> awaitable<void> {
        auto stream = co_await open_speech(engine);
        const std::string text =
            "This clause is long enough to be spoken for more than three seconds, "
            "since it has so many words.";
        for (int i = 0; i < 5; ++i) {
            stream->say(text);
        }
        stream->end();
        uint64_t taken = 0;
        uint32_t last = 0;
        for (;;) {
            auto piece = co_await stream->next();
            if (!piece) {
                break;
            }
            EXPECT_GE(piece->segment, last);
            last = piece->segment;
            taken += piece->samples.size();
        }
        EXPECT_EQ(last, 4u);
        EXPECT_GT(voice::to_ms(taken), 5 * 3'000);
    }(*flite));
}

TEST(Tone, ItsLengthFollowsTheTextAndIsAlwaysTheSame) {
    Loop loop;
    const auto tone = voice::make_tone();
    const Spoken one = spoken_by(loop, *tone, {"0123456789", "01234", ""});
    EXPECT_TRUE(one.whole);
    EXPECT_EQ(one.ended, (std::vector<uint32_t>{0, 1, 2}));
    EXPECT_EQ(voice::to_ms(one.segments.at(0).size()), 600);
    EXPECT_EQ(voice::to_ms(one.segments.at(1).size()), 300);
    EXPECT_GT(loudness(one.segments.at(0)), 3'000);
    EXPECT_EQ(spoken_by(loop, *tone, {"0123456789"}).segments.at(0), one.segments.at(0));
}

TEST(SpeechQueue, NoMoreThanTheBoundIsMadeAhead) {
    Loop loop;
    auto queue = std::make_shared<voice::SpeechQueue>(loop.executor(), voice::kVoiceRate);
    int asked = 0;
    queue->on_work = [&] { ++asked; };
    queue->say("a");
    ASSERT_TRUE(queue->take());
    EXPECT_TRUE(queue->room());
    queue->put(0, Pcm(voice::to_samples(voice::kMaxSpeechAheadMs)), false);
    EXPECT_FALSE(queue->room());
    loop.run([](std::shared_ptr<voice::SpeechQueue> from) -> awaitable<void> {
        auto piece = co_await voice::SpeechQueue::next(from);
        EXPECT_TRUE(piece);
    }(queue));
    EXPECT_TRUE(queue->room());
    EXPECT_EQ(asked, 2);
}

TEST(SpeechQueue, WhoeverWaitsIsToldOfFailureAndOfTheEnd) {
    Loop loop;
    auto queue = std::make_shared<voice::SpeechQueue>(loop.executor(), voice::kVoiceRate);
    EXPECT_THROW(queue->say(std::string(voice::kMaxSegmentBytes + 1, 'x')), voice::VoiceError);
    queue->say("a");
    queue->take();
    queue->put(0, Pcm(10), true);
    boost::asio::post(loop.context,
                      [queue] { queue->fail(voice::VoiceError(VoiceFault::lost, "gone")); });
    voice::QueuedSpeech stream(queue);
    Spoken spoken;
    loop.run(hear(stream, spoken));
    EXPECT_EQ(spoken.ended, (std::vector<uint32_t>{0})); // what had been made is heard
    EXPECT_EQ(spoken.fault, VoiceFault::lost);
}

TEST(SpeechQueue, ACancelledWaiterTakesNothing) {
    Loop loop;
    auto queue = std::make_shared<voice::SpeechQueue>(loop.executor(), voice::kVoiceRate);
    voice::QueuedSpeech stream(queue);
    Spoken spoken;
    Cancellable work(loop, hear(stream, spoken));
    loop.context.poll();
    work.cancel();
    EXPECT_TRUE(turn(loop, [&] { return work.done; }));
    EXPECT_TRUE(work.aborted());
    queue->say("a");
    queue->take();
    queue->put(0, Pcm(10), true);
    queue->end();
    loop.run(hear(stream, spoken));
    EXPECT_EQ(spoken.segments.at(0).size(), 10u);
}

} // namespace
} // namespace mr::test
