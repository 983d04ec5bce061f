// ElevenLabs against a scripted server: what is asked, sound whatever its boundaries, what is tried
// again and what is not, and that a stream that goes takes its connection along.
#include "tests/unit/worker_scripted_api.h"
#include "tests/unit/worker_voice_support.h"
#include "worker/voice/elevenlabs/elevenlabs.h"
#include "worker/voice/elevenlabs/requests.h"

namespace mr::test {
namespace {

using nlohmann::json;
using voice::ElevenLabsOptions;
using voice::Pcm;
using voice::VoiceFault;

const std::string kSecret = "sk_4711secret";
const std::string kVoiceId = "abcdefghij0123456789";

std::string pcm_bytes(const std::vector<int>& samples) {
    std::string bytes;
    for (const int sample : samples) {
        bytes += static_cast<char>(sample & 0xFF);
        bytes += static_cast<char>((sample >> 8) & 0xFF);
    }
    return bytes;
}

std::string sound(const std::vector<int>& samples, const std::string& headers = "") {
    return http_answer(pcm_bytes(samples), "200 OK", "Content-Type: audio/pcm\r\n" + headers);
}

std::string refusal(const std::string& status, const std::string& code,
                    const std::string& headers = "") {
    const json body = {{"detail", {{"status", code}, {"message", "said with " + kSecret}}}};
    return http_answer(body.dump(), status, "Content-Type: application/json\r\n" + headers);
}

struct Voice : ScriptedApi {
    explicit Voice(std::vector<std::string> all) : ScriptedApi(std::move(all)) {
        options.endpoint.base_url = server.url("");
        options.voice = kVoiceId;
        options.retry_base = milliseconds(1);
    }
    std::shared_ptr<voice::Synthesiser> make() const {
        return voice::make_elevenlabs(std::make_shared<net::HttpClient>(), kSecret, options);
    }
    Spoken speak_all(std::vector<std::string> clauses, const std::string& name = "") {
        const auto engine = make();
        Spoken spoken = spoken_by(loop, *engine, std::move(clauses), name);
        EXPECT_EQ(spoken.text.find(kSecret), std::string::npos);
        return spoken;
    }

    ElevenLabsOptions options;
};

TEST(ElevenLabs, AClauseIsOneRequestWithWhatWasSaidBeforeIt) {
    Voice api({sound({1, -2, 300}), sound({4})});
    const Spoken spoken = api.speak_all({"Two invoices are open,", "both of them late."});
    EXPECT_TRUE(spoken.whole);
    EXPECT_EQ(spoken.segments.at(0), (Pcm{1, -2, 300}));
    EXPECT_EQ(spoken.segments.at(1), Pcm{4});
    EXPECT_EQ(spoken.ended, (std::vector<uint32_t>{0, 1}));
    ASSERT_EQ(api.requests.size(), 2u);
    EXPECT_EQ(api.line(0),
              "POST /v1/text-to-speech/" + kVoiceId + "/stream?output_format=pcm_16000");
    EXPECT_NE(api.requests[0].find("xi-api-key: " + kSecret), std::string::npos);
    EXPECT_EQ(api.body(0)["text"], "Two invoices are open,");
    EXPECT_EQ(api.body(0)["model_id"], "eleven_flash_v2_5");
    EXPECT_FALSE(api.body(0).contains("previous_text"));
    EXPECT_EQ(api.body(1)["previous_text"], "Two invoices are open,");
}

TEST(ElevenLabs, SoundMayComeInPiecesOfAnySize) {
    std::vector<int> samples;
    for (int i = -300; i < 300; ++i) {
        samples.push_back(i * 101);
    }
    Loop loop;
    HttpServer server(loop, [&](HttpPeer& peer) -> awaitable<void> {
        const std::string request = co_await peer.request();
        std::string head = "HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nTransfer-Encoding: "
                           "chunked\r\n\r\n";
        co_await peer.send(head);
        const std::string bytes = pcm_bytes(samples);
        for (size_t at = 0, size = 1; at < bytes.size(); at += size, size = size % 7 + 1) {
            std::string one = chunk(bytes.substr(at, size));
            co_await peer.send(std::move(one));
        }
        std::string end = "0\r\n\r\n";
        co_await peer.send(end);
    });
    ElevenLabsOptions options;
    options.endpoint.base_url = server.url("");
    options.voice = kVoiceId;
    const auto engine =
        voice::make_elevenlabs(std::make_shared<net::HttpClient>(), kSecret, options);
    const Spoken spoken = spoken_by(loop, *engine, {"word"});
    EXPECT_EQ(spoken.segments.at(0), Pcm(samples.begin(), samples.end()));
    EXPECT_TRUE(spoken.whole);
}

TEST(ElevenLabs, AVoiceIsFoundByItsNameOnce) {
    const json voices = {{"voices",
                          {{{"voice_id", "1"}, {"name", "Rachelle"}},
                           {{"voice_id", "2"}, {"name", "Rachel - calm"}}}},
                         {"has_more", false}};
    Voice api({http_json(voices), sound({1}), sound({2})});
    const auto engine = api.make();
    EXPECT_TRUE(spoken_by(api.loop, *engine, {"one"}, "rachel").whole);
    EXPECT_TRUE(spoken_by(api.loop, *engine, {"two"}, "rachel").whole);
    ASSERT_EQ(api.requests.size(), 3u);
    EXPECT_EQ(api.line(0), "GET /v2/voices?page_size=100&search=rachel");
    EXPECT_TRUE(api.line(1).starts_with("POST /v1/text-to-speech/2/stream"));
}

TEST(ElevenLabs, AVoiceThatIsNotThereIsItsAskersMistakeOrOurs) {
    const json nothing = {{"voices", json::array()}};
    Voice asked({http_json(nothing)});
    EXPECT_EQ(asked.speak_all({"one"}, "nobody").fault, VoiceFault::bad_input);
    EXPECT_EQ(asked.requests.size(), 1u);
    Voice set({http_json(nothing)});
    set.options.voice = "nobody";
    EXPECT_EQ(set.speak_all({"one"}).fault, VoiceFault::refused);
    Voice long_name({});
    EXPECT_EQ(long_name.speak_all({"one"}, std::string(101, 'x')).fault, VoiceFault::bad_input);
    EXPECT_TRUE(long_name.requests.empty());
}

TEST(ElevenLabs, NamesOfVoicesHaveNoCase) {
    const json voices = {{"voices", {{{"voice_id", "2"}, {"name", "Site Office"}}}}};
    Voice api({http_json(voices), sound({1}), sound({2})});
    const auto engine = api.make();
    EXPECT_TRUE(spoken_by(api.loop, *engine, {"one"}, "SITE office").whole);
    EXPECT_TRUE(spoken_by(api.loop, *engine, {"two"}, "Site Office").whole); // known by now
    EXPECT_EQ(api.line(0), "GET /v2/voices?page_size=100&search=site%20office");
    EXPECT_TRUE(api.line(2).starts_with("POST /v1/text-to-speech/2/stream"));
}

TEST(ElevenLabs, AVoiceThatEveryAccountHasNeedsNoList) {
    for (const std::string& list : {http_json({{"voices", json::array()}}),
                                    refusal("401 Unauthorized", "missing_permissions")}) {
        Voice api({list, sound({1})});
        EXPECT_TRUE(api.speak_all({"one"}, "George").whole);
        EXPECT_TRUE(api.line(1).starts_with("POST /v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb/"));
    }
    Voice own({http_json({{"voices", {{{"voice_id", "7"}, {"name", "george"}}}}}), sound({1})});
    EXPECT_TRUE(own.speak_all({"one"}, "George").whole); // the account's own comes first
    EXPECT_TRUE(own.line(1).starts_with("POST /v1/text-to-speech/7/stream"));
}

TEST(ElevenLabs, WhatMayPassIsTriedAgainBeforeTheFirstSound) {
    Voice api({refusal("429 Too Many Requests", "system_busy"),
               refusal("503 Service Unavailable", "internal"), sound({7})});
    const Spoken spoken = api.speak_all({"word"});
    EXPECT_TRUE(spoken.whole);
    EXPECT_EQ(spoken.segments.at(0), Pcm{7});
    EXPECT_EQ(api.requests.size(), 3u);
}

TEST(ElevenLabs, TooManyAtATimeWaitLongerThanAFailure) {
    std::vector<std::string> answers(
        6, refusal("429 Too Many Requests", "too_many_concurrent_requests"));
    answers.push_back(sound({7}));
    Voice api(std::move(answers));
    EXPECT_TRUE(api.speak_all({"word"}).whole);
    EXPECT_EQ(api.requests.size(), 7u);
}

TEST(ElevenLabs, WhatWillNotPassEndsTheAnswer) {
    struct Row {
        const char* status;
        const char* code;
        VoiceFault fault;
    };
    for (const Row& row :
         {Row{"401 Unauthorized", "invalid_api_key", VoiceFault::refused},
          Row{"401 Unauthorized", "quota_exceeded", VoiceFault::refused},
          Row{"402 Payment Required", "paid_plan_required", VoiceFault::refused},
          Row{"404 Not Found", "voice_not_found", VoiceFault::refused},
          Row{"400 Bad Request", "max_character_limit_exceeded", VoiceFault::bad_input}}) {
        Voice api({refusal(row.status, row.code)});
        EXPECT_EQ(api.speak_all({"one", "two"}).fault, row.fault) << row.code;
        EXPECT_EQ(api.requests.size(), 1u) << row.code;
    }
    Voice plain({http_answer(R"({"detail":"Not now"})", "500 Server Error"),
                 http_answer(R"({"detail":[{"loc":[],"msg":"m","type":"t"}]})", "500 Server Error"),
                 http_answer("<html>", "502 Bad Gateway")});
    EXPECT_EQ(plain.speak_all({"one"}).fault, VoiceFault::unavailable);
    EXPECT_EQ(plain.requests.size(), 3u);
}

TEST(ElevenLabs, TheKeyIsInNoLog) {
    testing::internal::CaptureStderr();
    Voice api({refusal("503 Service Unavailable", "internal"),
               refusal("401 Unauthorized", "invalid_api_key")});
    api.speak_all({"one"});
    Voice voices({refusal("401 Unauthorized", "invalid_api_key")});
    EXPECT_EQ(voices.speak_all({"one"}, "rachel").fault, VoiceFault::refused);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_NE(log.find("said with [key]"), std::string::npos);
    EXPECT_EQ(log.find(kSecret), std::string::npos);
}

TEST(ElevenLabs, ABodyThatBreaksOffEndsItsClauseAndNotTheAnswer) {
    std::string cut = "HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nContent-Length: 100\r\n\r\n" +
                      pcm_bytes({5, 6});
    Loop loop;
    int asked = 0;
    HttpServer server(loop, [&](HttpPeer& peer) -> awaitable<void> {
        const std::string request = co_await peer.request();
        std::string answer = asked++ == 0 ? cut : sound({9});
        co_await peer.send(std::move(answer));
    });
    ElevenLabsOptions options;
    options.endpoint.base_url = server.url("");
    options.voice = kVoiceId;
    const auto engine =
        voice::make_elevenlabs(std::make_shared<net::HttpClient>(), kSecret, options);
    const Spoken spoken = spoken_by(loop, *engine, {"one", "two"});
    EXPECT_TRUE(spoken.whole);
    EXPECT_EQ(spoken.segments.at(0), (Pcm{5, 6}));
    EXPECT_EQ(spoken.segments.at(1), Pcm{9});
    EXPECT_EQ(asked, 2);
}

TEST(ElevenLabs, WhatIsNoSoundIsNotHeard) {
    Voice api({http_answer("{}", "200 OK", "Content-Type: application/json\r\n")});
    EXPECT_EQ(api.speak_all({"word"}).fault, VoiceFault::unavailable);
    Voice nothing({});
    EXPECT_TRUE(nothing.speak_all({"...", ""}).whole); // there is nothing to be said
    EXPECT_TRUE(nothing.requests.empty());
}

TEST(ElevenLabs, AStreamThatGoesClosesItsConnection) {
    Voice api({""});
    const auto engine = api.make();
    std::unique_ptr<voice::SpeechStream> stream;
    api.loop.run(
        [](voice::Synthesiser& from, std::unique_ptr<voice::SpeechStream>& out) -> awaitable<void> {
            out = co_await open_speech(from);
            out->say("word");
        }(*engine, stream));
    EXPECT_TRUE(turn(api.loop, [&] { return api.requests.size() == 1; }));
    EXPECT_EQ(api.server.open(), 1);
    stream.reset();
    EXPECT_TRUE(turn(api.loop, [&] { return api.server.open() == 0; }));
}

TEST(ElevenLabs, NoMoreRequestsAtATimeThanThePlanAllows) {
    std::vector<std::string> answers(3, "");
    Voice api(std::move(answers));
    api.options.max_concurrent = 2;
    const auto engine = api.make();
    std::vector<std::unique_ptr<voice::SpeechStream>> streams(3);
    for (auto& stream : streams) {
        api.loop.run([](voice::Synthesiser& from,
                        std::unique_ptr<voice::SpeechStream>& out) -> awaitable<void> {
            out = co_await open_speech(from);
            out->say("word");
        }(*engine, stream));
    }
    EXPECT_TRUE(turn(api.loop, [&] { return api.requests.size() == 2; }));
    api.loop.context.poll();
    EXPECT_EQ(api.requests.size(), 2u);
    streams[0].reset(); // its place goes to the third
    EXPECT_TRUE(turn(api.loop, [&] { return api.requests.size() == 3; }));
    streams.clear();
    EXPECT_TRUE(turn(api.loop, [&] { return api.server.open() == 0; }));
}

// Who has a place keeps it; who has waited long enough for one hears why.
TEST(ElevenLabs, WithoutAPlaceInTimeAnAnswerIsNotSpoken) {
    Voice api({""});
    api.options.max_concurrent = 1;
    api.options.place_wait = milliseconds(20);
    const auto engine = api.make();
    std::unique_ptr<voice::SpeechStream> streams[2];
    for (auto& stream : streams) {
        api.loop.run([](voice::Synthesiser& from,
                        std::unique_ptr<voice::SpeechStream>& out) -> awaitable<void> {
            out = co_await open_speech(from);
            out->say("word");
            out->end();
        }(*engine, stream));
    }
    EXPECT_TRUE(turn(api.loop, [&] { return api.requests.size() == 1; }));
    Spoken spoken;
    api.loop.run(hear(*streams[1], spoken));
    EXPECT_EQ(spoken.fault, VoiceFault::no_place);
    EXPECT_EQ(spoken.text, voice::too_many_spoken().what());
    EXPECT_EQ(api.requests.size(), 1U);
    EXPECT_EQ(api.server.open(), 1) << "the first one's";
}

TEST(ElevenLabs, SoundThatNobodyTakesHoldsTheStreamUp) {
    constexpr size_t kSamples = 16'000 * 20;
    Voice api({sound(std::vector<int>(kSamples, 3))});
    const auto engine = api.make();
    std::unique_ptr<voice::SpeechStream> stream;
    api.loop.run(
        [](voice::Synthesiser& from, std::unique_ptr<voice::SpeechStream>& out) -> awaitable<void> {
            out = co_await open_speech(from);
            out->say("word");
            out->end();
        }(*engine, stream));
    EXPECT_TRUE(turn(api.loop, [&] { return api.requests.size() == 1; }));
    Spoken spoken;
    api.loop.run(hear(*stream, spoken));
    EXPECT_EQ(spoken.segments.at(0).size(), kSamples);
    EXPECT_TRUE(spoken.whole);
}

TEST(ElevenLabs, ARateThatItDoesNotHaveIsRefused) {
    ElevenLabsOptions options;
    options.rate = 11'025;
    EXPECT_THROW(voice::make_elevenlabs(std::make_shared<net::HttpClient>(), kSecret, options),
                 voice::VoiceError);
}

} // namespace
} // namespace mr::test
