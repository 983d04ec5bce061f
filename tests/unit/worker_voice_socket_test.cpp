// ElevenLabs by its WebSocket against a scripted server: what goes up, which sound is of which
// clause, and how it ends.
#include "tests/unit/worker_voice_support.h"
#include "tests/unit/worker_ws_proxy.h"
#include "worker/voice/elevenlabs/elevenlabs.h"

namespace mr::test {
namespace {

using nlohmann::json;
using voice::ElevenLabsOptions;
using voice::Pcm;
using voice::VoiceFault;

const std::string kSecret = "sk_4711secret";
const std::string kSamples12 = "AQACAA=="; // 1, 2
const std::string kSamples3 = "AwA=";      // 3

std::string frame(const json& message) {
    return ws_test::unmasked({.opcode = 1, .payload = message.dump()});
}

json audio(const std::string& base64, const std::string& of) {
    json chars = json::array();
    for (const char c : of) {
        chars.push_back(std::string(1, c));
    }
    return {{"audio", base64}, {"isFinal", nullptr}, {"alignment", {{"chars", chars}}}};
}

struct Line {
    explicit Line(WsServer::Script script) : server(loop, std::move(script)) {
        options.endpoint.base_url = "http://127.0.0.1:" + server.port();
        options.voice = "abcdefghij0123456789";
        options.retry_base = milliseconds(1);
        options.socket = true;
    }
    std::shared_ptr<voice::Synthesiser> make() const {
        return voice::make_elevenlabs(std::make_shared<net::HttpClient>(), kSecret, options);
    }

    Loop loop;
    WsServer server;
    ElevenLabsOptions options;
};

json sent(const WsPeer& peer, size_t at) {
    const std::string& record = peer.received.records.at(at);
    return json::parse(record.substr(record.find(':') + 1));
}

TEST(ElevenLabsSocket, SoundGoesToTheClauseItIsOf) {
    Line line([](WsPeer& peer) -> awaitable<void> {
        co_await peer.upgrade();
        co_await peer.read_until(4);
        std::string bytes = frame(audio(kSamples12, "on")) + frame(audio(kSamples3, "e t")) +
                            frame(audio(kSamples12, "wo ")) +
                            frame({{"audio", nullptr}, {"isFinal", true}});
        co_await peer.send(std::move(bytes));
        co_await peer.read_until_gone();
    });
    const auto engine = line.make();
    const Spoken spoken = spoken_by(line.loop, *engine, {"one", "two"});
    EXPECT_TRUE(spoken.whole);
    EXPECT_EQ(spoken.segments.at(0), (Pcm{1, 2, 3}));
    EXPECT_EQ(spoken.segments.at(1), (Pcm{1, 2}));
    EXPECT_EQ(spoken.ended, (std::vector<uint32_t>{0, 1}));
    const WsPeer& peer = *line.server.peers.at(0);
    EXPECT_TRUE(peer.request.starts_with(
        "GET /v1/text-to-speech/abcdefghij0123456789/stream-input?model_id=eleven_flash_v2_5&"
        "output_format=pcm_16000&auto_mode=true HTTP/1.1\r\n"))
        << peer.request;
    EXPECT_NE(peer.request.find("xi-api-key: " + kSecret), std::string::npos);
    EXPECT_EQ(sent(peer, 0)["text"], " ");
    EXPECT_EQ(sent(peer, 0)["voice_settings"]["speed"], 1.0);
    EXPECT_EQ(sent(peer, 1)["text"], "one ");
    EXPECT_EQ(sent(peer, 1)["flush"], true);
    EXPECT_EQ(sent(peer, 2)["text"], "two ");
    EXPECT_EQ(sent(peer, 3)["text"], "");
}

TEST(ElevenLabsSocket, WithoutAlignmentTheEndOfTheAnswerEndsItsClauses) {
    Line line([](WsPeer& peer) -> awaitable<void> {
        co_await peer.upgrade();
        co_await peer.read_until(4);
        std::string bytes =
            frame({{"audio", kSamples12}, {"alignment", nullptr}}) + frame({{"isFinal", true}});
        co_await peer.send(std::move(bytes));
        co_await peer.read_until_gone();
    });
    const auto engine = line.make();
    const Spoken spoken = spoken_by(line.loop, *engine, {"one", "two"});
    EXPECT_TRUE(spoken.whole);
    EXPECT_EQ(spoken.ended, (std::vector<uint32_t>{0, 1}));
    EXPECT_EQ(spoken.segments.at(0), (Pcm{1, 2}));
}

TEST(ElevenLabsSocket, AnErrorAndALostConnectionEndTheAnswer) {
    testing::internal::CaptureStderr();
    Line refusing([](WsPeer& peer) -> awaitable<void> {
        co_await peer.upgrade();
        co_await peer.read_until(2);
        std::string bytes =
            frame({{"error", "invalid"}, {"message", "with " + kSecret}, {"code", 1008}});
        co_await peer.send(std::move(bytes));
        co_await peer.read_until_gone();
    });
    const auto first = refusing.make();
    EXPECT_EQ(spoken_by(refusing.loop, *first, {"one"}).fault, VoiceFault::refused);
    Line breaking([](WsPeer& peer) -> awaitable<void> {
        co_await peer.upgrade();
        co_await peer.read_until(2);
    });
    const auto second = breaking.make();
    EXPECT_EQ(spoken_by(breaking.loop, *second, {"one"}).fault, VoiceFault::lost);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_EQ(log.find(kSecret), std::string::npos);
}

TEST(ElevenLabsSocket, ARefusedKeyIsNotTriedAgain) {
    Line line([](WsPeer& peer) -> awaitable<void> {
        co_await peer.read_request();
        std::string answer = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
        co_await peer.send(std::move(answer));
    });
    const auto engine = line.make();
    EXPECT_EQ(spoken_by(line.loop, *engine, {"one"}).fault, VoiceFault::refused);
    EXPECT_EQ(line.server.peers.size(), 1u);
}

TEST(ElevenLabsSocket, AStreamThatGoesClosesItsConnection) {
    Line line([](WsPeer& peer) -> awaitable<void> {
        co_await peer.upgrade();
        co_await peer.read_until_gone();
    });
    const auto engine = line.make();
    std::unique_ptr<voice::SpeechStream> stream;
    line.loop.run(
        [](voice::Synthesiser& from, std::unique_ptr<voice::SpeechStream>& out) -> awaitable<void> {
            out = co_await open_speech(from);
            out->say("word");
        }(*engine, stream));
    EXPECT_TRUE(turn(line.loop, [&] {
        return !line.server.peers.empty() && line.server.peers[0]->received.records.size() == 2;
    }));
    stream.reset();
    EXPECT_TRUE(turn(line.loop, [&] { return line.server.peers[0]->gone; }));
}

TEST(ElevenLabsSocket, GoesThroughAProxy) {
    Line line([](WsPeer& peer) -> awaitable<void> {
        co_await peer.upgrade();
        co_await peer.read_until(3);
        std::string bytes =
            frame(audio(kSamples12, "one")) + frame({{"audio", nullptr}, {"isFinal", true}});
        co_await peer.send(std::move(bytes));
        co_await peer.read_until_gone();
    });
    const ProxyServer proxy(line.loop);
    line.options.endpoint.proxy = proxy.url();
    const auto engine = line.make();
    EXPECT_TRUE(spoken_by(line.loop, *engine, {"one"}).whole);
    ASSERT_EQ(proxy.requests.size(), 1u);
    EXPECT_EQ(proxy.requests[0].find(kSecret), std::string::npos);
}

} // namespace
} // namespace mr::test
