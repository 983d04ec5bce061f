// What is counted of engines, whichever they are: microphones and what came of them, utterances by
// their end, sound in seconds, places, and the work of the embedded recogniser's threads.
#include "tests/unit/worker_voice_engines.h"
#include "tests/unit/worker_voice_scripted.h"
#include "worker/metrics/meters.h"
#include "worker/voice/elevenlabs/places.h"
#include "worker/voice/metered.h"

#include <algorithm>
#include <ctime>

namespace mr::test {
namespace {

using metrics::OwnMeters;
using std::chrono::milliseconds;
using voice::Pcm;
using voice::RecognitionOptions;
using voice::VoiceError;
using voice::VoiceFault;

// Runs work on a loop of its own until it is done.
class MeteredVoice : public testing::Test {
  protected:
    template <typename T> T run(boost::asio::awaitable<T> work) {
        std::optional<T> result;
        std::exception_ptr failure;
        boost::asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error, T value) {
            failure = error;
            result.emplace(std::move(value));
        });
        loop.restart();
        loop.run();
        if (failure) {
            std::rethrow_exception(failure);
        }
        return std::move(result.value());
    }
    static Pcm frame(const std::string& command) {
        Pcm samples(voice::to_samples(40));
        std::copy(command.begin(), command.end(), samples.begin());
        return samples;
    }
    uint64_t utterances(std::string_view outcome) {
        return own->voice.utterances.at({outcome}).value();
    }
    uint64_t microphones(std::string_view outcome) {
        return own->voice.microphones.at({outcome}).value();
    }

    OwnMeters own;
    boost::asio::io_context loop{1};
};

struct Course {
    const char* name;
    std::vector<std::string> commands; // each a frame
    int events;
    const char* outcome; // of the utterance; empty: it goes on
};

const Course kCourses[] = {
    {"words", {"start", "part how", "stop", "final how many"}, 4, "words"},
    {"nothing", {"start", "stop", "final "}, 3, "empty"},
    {"a cough", {"start", "drop"}, 2, "empty"},
    {"a release in silence", {"drop"}, 1, "empty"},
    {"nothing yet", {"start", "part how"}, 2, ""},
};

TEST_F(MeteredVoice, UtterancesCountByTheirEnd) {
    const auto engine = voice::metered(std::make_unique<SpelledRecogniser>(), 7);
    EXPECT_EQ(own->voice.places.at({"microphones"}).value(), 7);
    for (const Course& course : kCourses) {
        SCOPED_TRACE(course.name);
        const OwnMeters clean;
        const auto stream = run(engine->open({}));
        for (const std::string& command : course.commands) {
            EXPECT_TRUE(stream->audio(frame(command)));
        }
        for (int i = 0; i < course.events; ++i) {
            run(stream->next());
        }
        for (const char* outcome : {"words", "empty", "lost", "left"}) {
            EXPECT_EQ(metrics::meters().voice.utterances.at({outcome}).value(),
                      std::string_view(outcome) == course.outcome ? 1U : 0U)
                << outcome;
        }
        EXPECT_DOUBLE_EQ(metrics::meters().voice.heard_seconds.at({}).value(),
                         0.04 * static_cast<double>(course.commands.size()));
    }
}

TEST_F(MeteredVoice, WhatIsCutOffCountsByWhoDidIt) {
    const auto engine = voice::metered(std::make_unique<SpelledRecogniser>(), 0);
    {
        const auto stream = run(engine->open({}));
        EXPECT_EQ(own->voice.places_taken.at({"microphones"}).value(), 1);
        stream->audio(frame("start"));
        run(stream->next());
    }
    EXPECT_EQ(utterances("left"), 1U);
    const auto stream = run(engine->open({}));
    stream->audio(frame("start"));
    stream->audio(frame("break"));
    run(stream->next());
    EXPECT_THROW(run(stream->next()), VoiceError);
    EXPECT_THROW(run(stream->next()), VoiceError);
    EXPECT_EQ(utterances("lost"), 1U);
    const double before = own->voice.heard_seconds.at({}).value();
    EXPECT_FALSE(stream->audio(frame("full")));
    EXPECT_EQ(own->voice.heard_seconds.at({}).value(), before) << "was not taken";
}

// Has no stream for anybody, for the reason that is its language.
class ShutRecogniser final : public voice::Recogniser {
  public:
    explicit ShutRecogniser(VoiceFault fault) : fault_(fault) {}
    std::string_view engine() const override { return "shut"; }
    boost::asio::awaitable<std::unique_ptr<voice::RecognitionStream>>
    open(RecognitionOptions) override {
        throw VoiceError(fault_, "shut");
        co_return nullptr;
    }

  private:
    VoiceFault fault_;
};

TEST_F(MeteredVoice, MicrophonesCountByWhatCameOfThem) {
    const std::pair<VoiceFault, const char*> rows[] = {
        {VoiceFault::no_place, "no_place"}, {VoiceFault::unavailable, "unavailable"},
        {VoiceFault::lost, "unavailable"},  {VoiceFault::refused, "refused"},
        {VoiceFault::bad_input, "refused"},
    };
    for (const auto& [fault, outcome] : rows) {
        const uint64_t before = microphones(outcome);
        const auto engine = voice::metered(std::make_unique<ShutRecogniser>(fault), 1);
        EXPECT_THROW(run(engine->open({})), VoiceError);
        EXPECT_EQ(microphones(outcome), before + 1);
    }
    EXPECT_EQ(microphones("opened"), 0U);
    EXPECT_EQ(own->voice.places_taken.at({"microphones"}).value(), 0);
}

TEST_F(MeteredVoice, SpeechCountsItsSoundAndTheWayToTheFirst) {
    const auto engine = voice::metered(std::make_shared<CountedSynthesiser>(), 3);
    EXPECT_EQ(own->voice.places.at({"answers"}).value(), 3);
    {
        const auto stream = run(engine->open({}));
        EXPECT_EQ(own->voice.places_taken.at({"answers"}).value(), 1);
        stream->say("0123456789"); // 100 ms of sound
        stream->say("01234");
        stream->end();
        while (run(stream->next())) {
        }
    }
    EXPECT_DOUBLE_EQ(own->voice.spoken_seconds.at({}).value(), 0.15);
    EXPECT_EQ(own->voice.first_sound.at({}).count(), 1U);
    EXPECT_EQ(own->voice.places_taken.at({"answers"}).value(), 0);
}

boost::asio::awaitable<bool> place_for_a_moment(voice::Places& places) {
    const auto place = co_await places.take(milliseconds(0));
    co_return true;
}

boost::asio::awaitable<bool> two_of_two_and_no_third(voice::Places& places,
                                                     metrics::GaugeFamily& taken) {
    const auto one = co_await places.take(milliseconds(0));
    const auto two = co_await places.take(milliseconds(0));
    EXPECT_EQ(taken.at({"requests"}).value(), 2);
    bool refused = false;
    try {
        const auto three = co_await places.take(milliseconds(1));
    } catch (const VoiceError& error) {
        refused = error.fault() == VoiceFault::no_place;
    }
    co_return refused;
}

TEST_F(MeteredVoice, PlacesForRequestsShowAndSoDoesTheWaitForOne) {
    voice::Places places(4);
    EXPECT_EQ(own->voice.places.at({"requests"}).value(), 4);
    places.plan_allows(2);
    EXPECT_EQ(own->voice.places.at({"requests"}).value(), 2);
    EXPECT_TRUE(run(two_of_two_and_no_third(places, own->voice.places_taken)));
    EXPECT_EQ(own->voice.places_taken.at({"requests"}).value(), 0);
    EXPECT_TRUE(run(place_for_a_moment(places)));
    EXPECT_EQ(own->voice.wait.at({"requests"}).count(), 4U);
}

TEST_F(MeteredVoice, TheThreadsOfTheEmbeddedRecogniserCountWhatTheyTake) {
    using namespace voice::test;
    Listening listening;
    const auto spin = [] { // some processor time
        const double begin = static_cast<double>(std::clock());
        while (static_cast<double>(std::clock()) - begin < 0.005 * CLOCKS_PER_SEC) {
        }
    };
    listening.script.answer = [&spin](voice::PcmView) {
        spin();
        return voice::Heard{"hello there", 0.5};
    };
    const auto stream = listening.open();
    stream->audio(frames(40, kSpeech));
    stream->audio(frames(40, 0));
    for (bool final = false; !final;) {
        const voice::RecognitionEvent event = listening.next(*stream);
        const auto* transcript = std::get_if<voice::Transcript>(&event);
        final = transcript != nullptr && transcript->final;
    }
    metrics::VoiceMeters& meters = own->voice;
    const double recognised = meters.recognition_seconds.at({"guess"}).value() +
                              meters.recognition_seconds.at({"final"}).value();
    EXPECT_GT(recognised, 0.002);
    EXPECT_GT(meters.recognition_seconds.at({"detector"}).value(), 0);
    EXPECT_GE(meters.wait.at({"recognition"}).count(), 1U);
}

} // namespace
} // namespace mr::test
