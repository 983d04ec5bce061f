// Streams to a Deepgram on the loop: what is sent, what comes of it, and that no word is lost or
// repeated when connections break.
#include "tests/unit/worker_deepgram_server.h"
#include "tests/unit/worker_ws_proxy.h"
#include "worker/pipeline/concurrency.h"

#include <gtest/gtest.h>

namespace mr::voice::deepgram {
namespace {

using test::awaitable;
using test::DeepgramServer;
using test::Loop;
using test::milliseconds;
using test::silence;
using test::spoken;
using test::words;

const RecognitionOptions kHandsFree;

// In pieces of 100 ms, until one is not taken: what is heard tells of it.
awaitable<void> speak(RecognitionStream& stream, Pcm audio) {
    constexpr size_t kPiece = 1'600;
    for (size_t at = 0; at < audio.size(); at += kPiece) {
        const PcmView piece = PcmView(audio).subspan(at, std::min(kPiece, audio.size() - at));
        if (!stream.audio(piece)) {
            co_return;
        }
        co_await sleep_for(milliseconds(1));
    }
}

// The texts of so many utterances; checks the order of events.
awaitable<std::vector<std::string>> heard(RecognitionStream& stream, size_t utterances) {
    std::vector<std::string> texts;
    bool started = false, stopped = false;
    while (texts.size() < utterances) {
        const RecognitionEvent event = co_await stream.next();
        if (std::holds_alternative<SpeechStarted>(event)) {
            EXPECT_FALSE(started);
            started = true;
        } else if (std::holds_alternative<SpeechStopped>(event)) {
            EXPECT_TRUE(started && !stopped);
            stopped = true;
        } else if (const auto* transcript = std::get_if<Transcript>(&event)) {
            EXPECT_TRUE(started);
            EXPECT_EQ(stopped, transcript->final);
            EXPECT_FALSE(transcript->text.empty());
            if (transcript->final) {
                texts.push_back(transcript->text);
                started = stopped = false;
            }
        } else {
            texts.emplace_back("(dropped)");
            started = stopped = false;
        }
    }
    co_return texts;
}

// What a stream of these options hears of the audio.
awaitable<std::vector<std::string>> listen(Options options, RecognitionOptions mode, Pcm audio,
                                           size_t utterances) {
    const std::unique_ptr<Recogniser> recogniser = make_recogniser(std::move(options));
    const std::unique_ptr<RecognitionStream> stream = co_await recogniser->open(mode);
    co_await speak(*stream, std::move(audio));
    if (mode.mode == TalkMode::push_to_talk) {
        stream->release();
    }
    std::vector<std::string> texts = co_await heard(*stream, utterances);
    co_return texts;
}

std::vector<std::string> results_of(Loop& loop, const Options& options, const Pcm& audio,
                                    size_t utterances,
                                    const RecognitionOptions& mode = RecognitionOptions()) {
    std::vector<std::string> texts;
    loop.run(
        [&]() -> awaitable<void> { texts = co_await listen(options, mode, audio, utterances); }());
    return texts;
}

template <typename... Parts> Pcm joined(const Parts&... parts) {
    Pcm all;
    (all.insert(all.end(), parts.begin(), parts.end()), ...);
    return all;
}

void until_closed(Loop& loop, DeepgramServer& server) {
    loop.run([&]() -> awaitable<void> {
        co_await test::until([&] { return server.calls.back().over; });
    }());
}

using Texts = std::vector<std::string>;

TEST(DeepgramStream, HearsUtterancesAndSaysGoodbye) {
    Loop loop;
    DeepgramServer server(loop);
    const Pcm audio =
        joined(silence(300), spoken(0, 5), silence(1'200), spoken(5, 3), silence(600));
    EXPECT_EQ(results_of(loop, server.options(), audio, 2), (Texts{words(0, 5), words(5, 3)}));
    until_closed(loop, server);
    ASSERT_EQ(server.calls.size(), 1U);
    const test::DeepgramCall& call = server.calls.front();
    EXPECT_TRUE(call.request.starts_with("GET /v1/listen?model=nova-3&")) << call.request;
    EXPECT_NE(call.request.find("\r\nAuthorization: Token very-secret-key\r\n"), std::string::npos);
    EXPECT_EQ(call.controls, Texts{"CloseStream"});
    EXPECT_TRUE(call.closed);
    EXPECT_LE(call.samples, audio.size());
    for (const size_t bytes : call.frames) {
        EXPECT_GE(bytes, to_samples(kMinFrameMs) * 2);
        EXPECT_LE(bytes, to_samples(kMaxFrameMs) * 2);
    }
}

TEST(DeepgramStream, GoesThroughAProxy) {
    Loop loop;
    DeepgramServer server(loop);
    const test::ProxyServer proxy(loop);
    Options options = server.options();
    options.proxy = proxy.url();
    EXPECT_EQ(results_of(loop, options, joined(spoken(0, 5), silence(600)), 1), Texts{words(0, 5)});
    ASSERT_EQ(proxy.requests.size(), 1U);
    EXPECT_TRUE(proxy.requests[0].starts_with("CONNECT 127.0.0.1:")) << proxy.requests[0];
    EXPECT_EQ(proxy.requests[0].find("very-secret-key"), std::string::npos);
}

TEST(DeepgramStream, PushToTalkIsFinalizedByTheRelease) {
    Loop loop;
    DeepgramServer server(loop);
    RecognitionOptions mode;
    mode.mode = TalkMode::push_to_talk;
    const Pcm audio = joined(spoken(0, 3), silence(700), spoken(3, 2), Pcm(100, 0));
    EXPECT_EQ(results_of(loop, server.options(), audio, 1, mode), Texts{words(0, 5)});
    until_closed(loop, server);
    EXPECT_EQ(server.calls.front().controls, (Texts{"Finalize", "CloseStream"}));
    EXPECT_EQ(server.calls.front().samples, audio.size()); // also what fills no message
    EXPECT_EQ(results_of(loop, server.options(), silence(500), 1, mode), Texts{"(dropped)"});
}

TEST(DeepgramStream, AReleaseThatIsNotAnsweredIsSettled) {
    Loop loop;
    DeepgramServer server(loop);
    server.faults.emplace_back().silent_after = 24'000;
    Options options = server.options();
    options.finalize_wait = milliseconds(50);
    RecognitionOptions mode;
    mode.mode = TalkMode::push_to_talk;
    loop.run([&]() -> awaitable<void> {
        const auto recogniser = make_recogniser(options);
        const auto stream = co_await recogniser->open(mode);
        co_await speak(*stream, joined(spoken(0, 3), silence(400)));
        co_await test::until([&] { return server.calls.front().samples >= 16'000; });
        std::string before;
        while (before != words(0, 3)) {
            const RecognitionEvent event = co_await stream->next();
            const auto* transcript = std::get_if<Transcript>(&event);
            before = transcript != nullptr ? transcript->text : before;
        }
        co_await speak(*stream, silence(600));
        stream->release();
        for (;;) {
            const RecognitionEvent event = co_await stream->next();
            if (const auto* transcript = std::get_if<Transcript>(&event)) {
                EXPECT_EQ(transcript->text, words(0, 3));
                if (transcript->final) {
                    EXPECT_GE(transcript->after_speech_ms, 50);
                    break;
                }
            }
        }
    }());
}

// Wherever the connection breaks.
TEST(DeepgramStream, LosesNoWordAndRepeatsNoneOverBrokenConnections) {
    const Pcm audio =
        joined(silence(200), spoken(0, 18), silence(900), spoken(18, 4), silence(900));
    for (size_t at = 3'200; at < 90'000; at += 13'331) {
        Loop loop;
        DeepgramServer server(loop);
        server.ear.final_ms = 1'000;
        server.faults.emplace_back().cut_after = at;
        server.faults.emplace_back().refusal = "HTTP/1.1 503 Service Unavailable\r\n\r\n";
        server.faults.emplace_back().close_after = 20'000;
        EXPECT_EQ(results_of(loop, server.options(), audio, 2), (Texts{words(0, 18), words(18, 4)}))
            << at;
        EXPECT_EQ(server.calls.size(), 4U);
    }
}

TEST(DeepgramStream, PlacesAreThoseOfTheMicrophone) {
    Loop loop;
    DeepgramServer server(loop);
    server.faults.emplace_back().cut_after = 20'000;
    loop.run([&]() -> awaitable<void> {
        const auto recogniser = make_recogniser(server.options());
        const auto stream = co_await recogniser->open(kHandsFree);
        co_await speak(*stream, joined(silence(2'000), spoken(0, 2), silence(600)));
        for (;;) {
            const RecognitionEvent event = co_await stream->next();
            if (const auto* transcript = std::get_if<Transcript>(&event)) {
                if (transcript->final) {
                    EXPECT_EQ(to_ms(transcript->start), 2'000);
                    EXPECT_EQ(to_ms(transcript->end), 2'440);
                    break;
                }
            }
        }
    }());
    EXPECT_EQ(server.calls.size(), 2U);
}

TEST(DeepgramStream, WhatIsSentAgainIsNotSentTooFast) {
    Loop loop;
    DeepgramServer server(loop);
    server.faults.emplace_back().cut_after = 32'000;
    Options options = server.options();
    options.catch_up = 8;
    const Pcm audio = joined(spoken(0, 8), silence(600));
    EXPECT_EQ(results_of(loop, options, audio, 1), Texts{words(0, 8)});
    const test::DeepgramCall& second = server.calls.at(1);
    const auto took = second.times.back() - second.times.front();
    const auto sent = milliseconds(to_ms(second.samples) - kMaxFrameMs);
    EXPECT_GE(took, sent / 9); // 8, and what clocks round
}

TEST(DeepgramStream, IsKeptAlive) {
    Loop loop;
    DeepgramServer server(loop);
    Options options = server.options();
    options.keep_alive = milliseconds(20);
    loop.run([&]() -> awaitable<void> {
        const auto recogniser = make_recogniser(options);
        const auto stream = co_await recogniser->open(kHandsFree);
        stream->audio(silence(100));
        co_await test::until([&] { return server.calls.front().controls.size() >= 3; });
        EXPECT_EQ(server.calls.front().controls.front(), "KeepAlive");
    }());
}

TEST(DeepgramStream, AServerThatSaysNothingIsLeft) {
    Loop loop;
    DeepgramServer server(loop);
    server.faults.emplace_back().silent_after = 16'000;
    Options options = server.options();
    options.result_timeout = milliseconds(1'500);
    const Pcm audio = joined(spoken(0, 8), silence(600));
    EXPECT_EQ(results_of(loop, options, audio, 1), Texts{words(0, 8)});
    EXPECT_EQ(server.calls.size(), 2U);
}

std::string refusal(int status) {
    return "HTTP/1.1 " + std::to_string(status) + " Said\r\ndg-error: very-secret-key\r\n\r\n";
}

TEST(DeepgramStream, ARefusalIsSaidInWordsForUsers) {
    struct Row {
        int status;
        VoiceFault fault;
        size_t tries;
    };
    testing::internal::CaptureStderr();
    for (const Row& row :
         {Row{400, VoiceFault::refused, 1}, Row{401, VoiceFault::refused, 1},
          Row{402, VoiceFault::refused, 1}, Row{403, VoiceFault::refused, 1},
          Row{429, VoiceFault::no_place, 2}, Row{500, VoiceFault::unavailable, 2}}) {
        Loop loop;
        DeepgramServer server(loop);
        server.faults.resize(5);
        for (auto& fault : server.faults) {
            fault.refusal = refusal(row.status);
        }
        bool thrown = false;
        loop.run([&]() -> awaitable<void> {
            const auto recogniser = make_recogniser(server.options());
            try {
                co_await recogniser->open(kHandsFree);
            } catch (const VoiceError& error) {
                thrown = true;
                EXPECT_EQ(error.fault(), row.fault) << row.status;
                EXPECT_EQ(std::string(error.what()).find("127.0.0.1"), std::string::npos);
                EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
            }
        }());
        EXPECT_TRUE(thrown) << row.status;
        EXPECT_EQ(server.calls.size(), row.tries) << row.status;
    }
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_EQ(log.find("secret"), std::string::npos) << log;
    EXPECT_NE(log.find("DEEPGRAM_API_KEY"), std::string::npos) << log;
}

TEST(DeepgramStream, AVocabularyThatIsRefusedIsLeftOut) {
    Loop loop;
    DeepgramServer server(loop);
    server.faults.emplace_back().refusal = refusal(400);
    Options options = server.options();
    options.vocabulary = {"Bayside"};
    EXPECT_EQ(results_of(loop, options, joined(spoken(0, 1), silence(500)), 1), Texts{"word0"});
    EXPECT_NE(server.calls.at(0).request.find("keyterm=Bayside"), std::string::npos);
    EXPECT_EQ(server.calls.at(1).request.find("keyterm"), std::string::npos);
}

TEST(DeepgramStream, EndsWhenItDoesNotComeBack) {
    for (const int status : {503, 401}) {
        Loop loop;
        DeepgramServer server(loop);
        server.faults.resize(10);
        server.faults.front().cut_after = 16'000;
        for (size_t i = 1; i < server.faults.size(); ++i) {
            server.faults[i].refusal = refusal(status);
        }
        Options options = server.options();
        options.reconnects = 3;
        std::optional<VoiceFault> fault;
        loop.run([&]() -> awaitable<void> {
            try {
                co_await listen(options, kHandsFree, joined(spoken(0, 8), silence(600)), 1);
            } catch (const VoiceError& error) {
                fault = error.fault();
            }
        }());
        EXPECT_EQ(fault, status == 503 ? VoiceFault::lost : VoiceFault::refused);
        EXPECT_EQ(server.calls.size(), status == 503 ? 4U : 2U);
    }
}

TEST(DeepgramStream, FiftyAtOnceAndNoMore) {
    constexpr size_t kStreams = 50;
    Loop loop;
    DeepgramServer server(loop);
    Options options = server.options();
    options.max_streams = kStreams;
    const auto recogniser = make_recogniser(options);
    size_t right = 0;
    std::vector<std::unique_ptr<RecognitionStream>> streams;
    loop.run([&]() -> awaitable<void> {
        for (size_t i = 0; i < kStreams; ++i) {
            auto stream = co_await recogniser->open(kHandsFree);
            streams.push_back(std::move(stream));
        }
        bool refused = false;
        try {
            co_await recogniser->open(kHandsFree);
        } catch (const VoiceError& error) {
            refused = error.fault() == VoiceFault::no_place;
        }
        EXPECT_TRUE(refused);
        const auto one = [&](size_t i) -> awaitable<void> {
            co_await speak(*streams[i], joined(spoken(i, 4), silence(500)));
            const Texts texts = co_await heard(*streams[i], 1);
            right += texts == Texts{words(i, 4)};
        };
        std::vector<awaitable<void>> works;
        for (size_t i = 0; i < kStreams; ++i) {
            works.push_back(one(i));
        }
        co_await run_all(std::move(works));
    }());
    EXPECT_EQ(right, kStreams);
    streams.clear();
    loop.run([&]() -> awaitable<void> { // places are free again
        co_await test::until_answered([&]() -> awaitable<bool> {
            std::unique_ptr<RecognitionStream> again;
            try {
                again = co_await recogniser->open(kHandsFree);
            } catch (const VoiceError&) {
            }
            co_return again != nullptr;
        });
    }());
}

} // namespace
} // namespace mr::voice::deepgram
